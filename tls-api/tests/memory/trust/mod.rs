//! Every reason to reject a certificate, in both roles and versions: the error text, the alert, and
//! that no plaintext passes.

mod anchors;
mod checks;
mod crls;
mod cross_signed;
mod faults;
mod ocsp_policy;
mod pinned_certificate;
mod scts;
mod test_pki;
