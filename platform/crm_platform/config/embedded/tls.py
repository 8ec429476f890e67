"""TLS for trying: an authority of this data folder's own, and a certificate for the hosts that are served. Never for the open internet."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LASTS, _RENEWED = timedelta(days=365), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Papers:
    """Where the authority (for clients to trust), the certificate and its key lie."""

    authority: Path
    certificate: Path
    key: Path


def papers(folder: Path, *, domains: Sequence[str], hosts: Sequence[str] = ()) -> Papers:
    """The papers of a folder, made where they are missing, old, or for other hosts: `domains`, all their sub-domains, `hosts`, and 127.0.0.1.

    Many clients take no `*.localhost`, for one label alone stands behind the star: `hosts` names what must work there.
    """
    found = Papers(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    names = [*(name for domain in domains for name in (domain, f"*.{domain}")), *hosts]
    if not _good(found, names):
        _make(found, names)
    return found


def _good(found: Papers, names: Sequence[str]) -> bool:
    if not all(path.exists() for path in (found.authority, found.certificate, found.key)):
        return False
    certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = certificate.not_valid_after_utc - datetime.now(UTC) > _RENEWED
    return lasts and set(alternatives.get_values_for_type(x509.DNSName)) == set(names)


def _make(found: Papers, names: Sequence[str]) -> None:
    """A new authority signs a new certificate, and its own key is forgotten: nothing else can ever be signed by it."""
    now = datetime.now(UTC)
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kartoteka, authority for trying")])
    authority = (
        _begun(issuer, issuer, ours.public_key(), now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ours.public_key()), critical=False)
        .sign(ours, hashes.SHA256())
    )
    alternatives = [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _begun(issuer, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), theirs.public_key(), now=now)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours.public_key()), critical=False)
        .sign(ours, hashes.SHA256())
    )
    found.key.parent.mkdir(parents=True, exist_ok=True)
    _write(found.key, theirs.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), mode=0o600)
    _write(found.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    _write(found.authority, authority.public_bytes(serialization.Encoding.PEM))


def _begun(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, now: datetime) -> x509.CertificateBuilder:
    begun = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key).serial_number(x509.random_serial_number())
    return begun.not_valid_before(now - timedelta(days=1)).not_valid_after(now + _LASTS)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs, crl_sign=signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    path.chmod(mode)
