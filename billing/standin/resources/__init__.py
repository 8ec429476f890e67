"""What can be asked of the service, one module a noun; each verb takes the world, what was asked, and the identities of the address."""
