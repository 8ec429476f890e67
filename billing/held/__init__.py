"""What comes in while a workspace is limited, frozen or about to be erased: never refused, sealed, and opened when it is paid."""
