//! Finds the name constraint that a chain violates (RFC 5280 §4.2.1.10). webpki rejects the chain;
//! this file only describes the reason.

use core::net::IpAddr;

use tls_crypto::der::{self, Elements};

use crate::certificate_error::{ConstraintFault, NameConstraint};
use crate::error::{Escaped, Excerpt, bounded};
use crate::verify::diagnosis::Step;
use crate::verify::roots::RootCertStore;
use crate::verify::x509::{Certificate, ReadableName, oid, sole};

/// The maximum number of comparisons.
const MAX_COMPARISONS: usize = 10_000;

/// Tags of a GeneralName.
const EMAIL: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const DIRECTORY_NAME: u8 = 0xa4;
const URI: u8 = 0x86;
const IP_ADDRESS: u8 = 0x87;

/// Returns the index of the certificate whose name violates a constraint above it, and the
/// constraint.
pub(crate) fn find(steps: &[Step<'_>], roots: &RootCertStore) -> Option<(usize, NameConstraint)> {
    let mut left = MAX_COMPARISONS;
    for above in steps.iter().filter(|step| step.at > 0) {
        let Some(constraints) =
            above.read.extension(oid::NAME_CONSTRAINTS).and_then(|value| sole(value, der::SEQUENCE))
        else {
            continue;
        };
        for below in steps.iter().filter(|below| below.depth < above.depth) {
            if let Some(found) = violated(constraints, above.read.subject, &below.read, &mut left) {
                return Some((below.at, found));
            }
        }
    }
    let is_above = |subject: &[u8]| steps.iter().any(|step| step.read.issuer == subject);
    for anchor in roots.anchors.iter().filter(|anchor| is_above(&anchor.subject)) {
        let Some(constraints) = &anchor.name_constraints else { continue };
        for below in steps {
            if let Some(found) = violated(constraints, &anchor.subject, &below.read, &mut left) {
                return Some((below.at, found));
            }
        }
    }
    None
}

/// Checks the names of a certificate, and its subject, against the contents of a NameConstraints.
fn violated(constraints: &[u8], ca: &[u8], below: &Certificate<'_>, left: &mut usize) -> Option<NameConstraint> {
    let names = below.extension(oid::SUBJECT_ALT_NAME).and_then(|value| sole(value, der::SEQUENCE));
    let mut names = Elements::new(names.unwrap_or_default());
    let mut all = Vec::new();
    while let Some((tag, name)) = names.next() {
        // A directory name in subjectAltName is an explicit Name.
        all.push(match tag {
            DIRECTORY_NAME => (tag, sole(name, der::SEQUENCE).unwrap_or(name)),
            _ => (tag, name),
        });
    }
    all.push((DIRECTORY_NAME, below.subject));
    all.into_iter().find_map(|(tag, name)| {
        let fault = fault(constraints, tag, name, left)?;
        let ca = bounded(ReadableName(ca).to_string());
        let (form, name) = describe(tag, name);
        Some(NameConstraint { ca, form, name, fault })
    })
}

fn fault(constraints: &[u8], tag: u8, name: &[u8], left: &mut usize) -> Option<ConstraintFault> {
    let mut fields = Elements::new(constraints);
    let permitted = subtrees(fields.optional(der::CONTEXT_0), tag);
    let excluded = subtrees(fields.optional(der::CONTEXT_1), tag);
    *left = left.checked_sub(permitted.len().saturating_add(excluded.len()))?;
    if permitted.is_empty() && excluded.is_empty() {
        return None;
    }
    if !matches!(tag, DNS_NAME | IP_ADDRESS) {
        return Some(ConstraintFault::UnsupportedForm);
    }
    let is_in = |base: &&[u8]| if tag == DNS_NAME { dns_is_in(name, base) } else { address_is_in(name, base) };
    if !permitted.is_empty() && !permitted.iter().any(is_in) {
        let permitted: Excerpt<_> = permitted.into();
        return Some(ConstraintFault::NotPermitted { permitted: permitted.map(|base| describe_subtree(tag, base)) });
    }
    // A wildcard covers names in the subtree, too.
    let has_names_in = |base: &&&[u8]| {
        let domain = name.strip_prefix(b"*.").filter(|_| tag == DNS_NAME);
        is_in(base) || domain.is_some_and(|domain| dns_is_in(base, domain))
    };
    let subtree = excluded.iter().find(has_names_in).map(|base| describe_subtree(tag, base))?;
    Some(ConstraintFault::Excluded { subtree })
}

/// Returns the bases of this form in GeneralSubtrees.
fn subtrees(list: Option<&[u8]>, tag: u8) -> Vec<&[u8]> {
    let mut list = Elements::new(list.unwrap_or_default());
    let mut bases = Vec::new();
    while let Some(subtree) = list.optional(der::SEQUENCE) {
        match Elements::new(subtree).next() {
            Some((form, base)) if form == tag => bases.push(base),
            _ => {}
        }
    }
    bases
}

/// Returns whether a DNS name is the base or below it. A base that starts with a dot does not
/// include itself.
fn dns_is_in(name: &[u8], base: &[u8]) -> bool {
    let Some(at) = name.len().checked_sub(base.len()) else { return false };
    let Some((above, end)) = name.split_at_checked(at) else { return false };
    end.eq_ignore_ascii_case(base)
        && (base.is_empty()
            || above.is_empty() && !base.starts_with(b".")
            || base.starts_with(b".")
            || above.ends_with(b"."))
}

/// Returns whether an IP address is in a subnet (address and mask).
fn address_is_in(name: &[u8], base: &[u8]) -> bool {
    let Some((net, mask)) = base.split_at_checked(name.len()).filter(|(_, mask)| mask.len() == name.len()) else {
        return false;
    };
    name.iter().zip(net).zip(mask).all(|((byte, net), mask)| byte & mask == net & mask)
}

/// Returns the form of a name and the name.
fn describe(tag: u8, name: &[u8]) -> (&'static str, String) {
    let text = || bounded(Escaped(&String::from_utf8_lossy(name)).to_string());
    match tag {
        EMAIL => ("email address", text()),
        DNS_NAME => ("DNS name", text()),
        URI => ("URI", text()),
        IP_ADDRESS => ("IP address", address(name).unwrap_or_else(|| "(invalid)".into())),
        DIRECTORY_NAME => ("directory name", bounded(ReadableName(name).to_string())),
        _ => ("other name", format!("(form [{}])", tag & 0x1f)),
    }
}

/// Describes a subtree of DNS names or IP addresses.
fn describe_subtree(tag: u8, base: &[u8]) -> String {
    match base.split_at_checked(base.len() / 2) {
        Some((net, mask)) if tag == IP_ADDRESS => match (address(net), address(mask)) {
            (Some(net), Some(mask)) => {
                let ones = mask_length(base.get(base.len() / 2..).unwrap_or_default());
                ones.map_or_else(|| format!("{net} mask {mask}"), |ones| format!("{net}/{ones}"))
            }
            _ => "(invalid)".into(),
        },
        _ if base.is_empty() => "(every name)".into(),
        _ => describe(tag, base).1,
    }
}

/// Returns the number of leading ones of a mask; `None` if others follow.
pub(crate) fn mask_length(mask: &[u8]) -> Option<u32> {
    let ones = mask.iter().map(|byte| byte.count_ones()).sum();
    let mut left: u32 = ones;
    for byte in mask {
        let here = left.min(8);
        if byte.leading_ones() != here {
            return None;
        }
        left = left.saturating_sub(here);
    }
    Some(ones)
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
}
