"""A certificate authority for one machine's gateway, and the certificates that it issues.

Phones trust the authority once, for years. The gateway's certificate lives for months, as browsers want it, and is
issued again when the machine gets another address. Name constraints limit what a stolen key is worth: the authority is
believed for private addresses and for names that are in no public DNS, and not for the sites that a phone visits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contracts.process.certificates import AUTHORITY_NAME
from contracts.rules.errors import ConfigurationError, FatalError
from scripts.stack.machine import Machine

__all__ = ["LocalCertificate", "certificate_file", "certificate_names", "keep_certificate"]

AUTHORITY_LIFE = timedelta(days=5 * 365)
CERTIFICATE_LIFE = timedelta(days=90)
"""Apple's systems refuse certificates of more than 825 days, browsers those of public authorities of more than 398."""

RENEWED_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(days=1)
"""A phone's clock may be behind by so much."""

_ADDRESSES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "100.64.0.0/10")
_ZONES = ("localhost", "local", "lan", "internal", "home.arpa")
"""Endings of names that cannot be in the public DNS (RFC 6761, 6762, 8375; ICANN's .internal)."""


@dataclass(frozen=True, slots=True)
class LocalCertificate:
    """The files of a machine's authority.

    Attributes:
        authority: the certificate that phones must trust.
        served: the gateway's key and certificate, in one file, so that both are replaced at once.
        fingerprint: SHA-256 of the authority's certificate, as phones and browsers show it.
        is_new: whether the authority was made just now, so that no phone can know it.
        valid_from: from when on the authority is valid. It is in the future if this machine's clock is behind, or was
            ahead when the authority was made. A device with the right time then refuses the gateway; but a clock that
            is behind for a moment, as after a start without a battery, is no reason to make another authority.
    """

    authority: Path
    served: Path
    fingerprint: str
    is_new: bool
    valid_from: datetime


def keep_certificate(folder: Path, machine: Machine, now: datetime) -> LocalCertificate:
    """Make what is missing, ends soon, or does not fit this machine's names and addresses. ``now`` has a time zone. The
    folder gets mode 0700, the files 0600.

    Raises:
        FatalError: the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        known = _read_authority(folder)
        is_new = known is None or not _is_fit(known[0], machine, now)
        certificate, key = known if known is not None and not is_new else _make_authority(folder, machine, now)
        if is_new or not _is_current(folder, certificate, machine, now):
            _issue(folder, certificate, key, machine, now)
    except OSError as error:
        raise FatalError(f"A3CP_STATE_DIR: {error.filename or folder}: {error.strerror}") from error
    fingerprint = certificate.fingerprint(SHA256()).hex(":").upper()
    return LocalCertificate(
        folder / _AUTHORITY, folder / _SERVED, fingerprint, is_new, certificate.not_valid_before_utc
    )


def certificate_file(state_dir: Path) -> Path:
    """Where the gateway's certificate and its key are."""
    return state_dir / "tls" / _SERVED


def certificate_names(cert: Path) -> list[str]:
    """The names and addresses of the first certificate in a file.

    Raises:
        ConfigurationError: there is none, or it has no name.
    """
    try:
        certificate = x509.load_pem_x509_certificates(cert.read_bytes())[0]
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise ConfigurationError(f"A3CP_TLS_CERT: {cert}: there is no certificate with a name in it") from error
    return [str(name.value) for name in found]


_AUTHORITY, _AUTHORITY_KEY, _SERVED = "authority.pem", "authority.key", "gateway.pem"

_Key = EllipticCurvePrivateKey
_Signed = tuple[x509.Certificate, _Key]


def _read_authority(folder: Path) -> _Signed | None:
    try:
        certificate = x509.load_pem_x509_certificate((folder / _AUTHORITY).read_bytes())
        key = load_pem_private_key((folder / _AUTHORITY_KEY).read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key has a password
        return None
    if not isinstance(key, _Key) or key.public_key() != certificate.public_key():
        return None
    return certificate, key


def _is_fit(authority: x509.Certificate, machine: Machine, now: datetime) -> bool:
    """Whether the authority outlives a certificate, and may issue one for this machine."""
    if authority.not_valid_after_utc - now < CERTIFICATE_LIFE + RENEWED_BEFORE:
        return False
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    networks = [ip_network(each.value) for each in permitted if isinstance(each, x509.IPAddress)]
    zones = [each.value for each in permitted if isinstance(each, x509.DNSName)]
    return all(any(address in network for network in networks) for address in machine.addresses) and all(
        any(name == zone or name.endswith(f".{zone}") for zone in zones) for name in machine.names
    )


def _permitted(machine: Machine) -> list[x509.GeneralName]:
    networks: list[IPv4Network | IPv6Network] = [*map(ip_network, _ADDRESSES), IPv6Network("::1/128")]
    others = [each for each in machine.addresses if not any(each in network for network in networks)]
    zones = dict.fromkeys([*_ZONES, *machine.names])
    return [*map(x509.DNSName, zones), *map(x509.IPAddress, [*networks, *map(ip_network, others)])]


def _make_authority(folder: Path, machine: Machine, now: datetime) -> _Signed:
    key = generate_private_key(SECP256R1())
    host = machine.names[0] if machine.names else "this machine"
    name = _name(f"{AUTHORITY_NAME} of {host}"[:64])
    certificate = (
        _builder(name, name, key, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.NameConstraints(_permitted(machine), None), critical=True)
        .sign(key, SHA256())
    )
    _write(folder / _AUTHORITY_KEY, _pem(key))  # first: an authority without its key would be trusted for nothing
    _write(folder / _AUTHORITY, certificate.public_bytes(Encoding.PEM))
    return certificate, key


def _names(machine: Machine) -> list[x509.GeneralName]:
    addresses: list[IPv4Address | IPv6Address] = [*machine.addresses, ip_address("127.0.0.1"), ip_address("::1")]
    return [*map(x509.DNSName, ("localhost", *machine.names)), *map(x509.IPAddress, addresses)]


def _is_current(folder: Path, authority: x509.Certificate, machine: Machine, now: datetime) -> bool:
    """Whether the gateway's certificate is of this authority and for this machine, is valid, and does not end soon."""
    try:
        data = (folder / _SERVED).read_bytes()
        load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificates(data)[0]
        certificate.verify_directly_issued_by(authority)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # whatever is wrong with the file, another one takes its place
        return False
    is_valid = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEWED_BEFORE
    return is_valid and set(found) == set(_names(machine))


def _issue(folder: Path, authority: x509.Certificate, signer: _Key, machine: Machine, now: datetime) -> None:
    key = generate_private_key(SECP256R1())
    certificate = (
        _builder(_name("A3CP gateway"), authority.subject, key, now, CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_names(machine)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, SHA256())
    )
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, authority))
    _write(folder / _SERVED, _pem(key) + chain)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _Key, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    public = key.public_key()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature, False, False, False, False, key_cert_sign, crl_sign, False, False)


def _pem(key: _Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes) -> None:
    """Put a file with mode 0600 in the place of the old one."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as new:
        try:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
