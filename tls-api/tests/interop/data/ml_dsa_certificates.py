"""Certificates with ML-DSA by OpenSSL, which Debian's does not have.

ml_dsa_certificates.py FOLDER: writes ml-dsa-N-ca.pem, ml-dsa-N.pem and ml-dsa-N.key for each parameter set N.
"""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa

folder = pathlib.Path(sys.argv[1])
now = datetime.datetime.now(datetime.timezone.utc)


def certificate(subject, key, issuer, issuer_key, is_ca):
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    if not is_ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(issuer_key, None).public_bytes(serialization.Encoding.PEM)


for number, make in (44, mldsa.MLDSA44PrivateKey), (65, mldsa.MLDSA65PrivateKey), (87, mldsa.MLDSA87PrivateKey):
    ca, key = make.generate(), make.generate()
    name = f"ml-dsa-{number}"
    (folder / f"{name}-ca.pem").write_bytes(certificate(f"{name} CA", ca, f"{name} CA", ca, True))
    (folder / f"{name}.pem").write_bytes(certificate("localhost", key, f"{name} CA", ca, False))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(pem)
