//! Reads an OCSP response from DER or PEM.

use tls_crypto::pem::Sections;

use super::IdentityError;
use crate::certificate_error::OcspError;

/// The label that ocsptool of GnuTLS writes.
const LABEL: &[u8] = b"OCSP RESPONSE";

/// Returns the DER of a response in DER or PEM. Does not parse it.
pub(super) fn der_of(file: &[u8]) -> Result<Vec<u8>, IdentityError> {
    if !file.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Ok(file.to_vec());
    }
    let is = |found| IdentityError::OcspResponse(OcspError::Malformed { found: Some(found) });
    let mut response = None;
    for section in Sections::new(file) {
        let section = section.map_err(|_| is("damaged PEM"))?;
        if section.label() != LABEL {
            continue;
        }
        let der = section.decode().map_err(|_| is("damaged PEM"))?.to_vec();
        if response.replace(der).is_some() {
            return Err(is("PEM with several responses"));
        }
    }
    response.ok_or_else(|| is("PEM without a section OCSP RESPONSE"))
}
