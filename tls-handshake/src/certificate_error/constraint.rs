//! A name that the name constraints of a CA forbid.

use std::fmt;

use crate::error::Excerpt;

/// A name in a certificate that the name constraints of a CA above it forbid (RFC 5280 §4.2.1.10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameConstraint {
    /// The subject of the CA, which is a trust anchor or a certificate of the chain.
    pub ca: String,
    /// The form of the name, such as `DNS name` or `directory name`.
    pub form: &'static str,
    /// The name.
    pub name: String,
    /// The constraint's rule about it.
    pub fault: ConstraintFault,
}

/// The rule of a name constraint about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintFault {
    /// It is in none of the permitted subtrees.
    NotPermitted {
        /// The permitted subtrees of its form.
        permitted: Excerpt<String>,
    },
    /// It is in an excluded subtree.
    Excluded {
        /// The excluded subtree.
        subtree: String,
    },
    /// Constraints on names of this form are not supported, so it is rejected whatever they are.
    UnsupportedForm,
}

impl fmt::Display for NameConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ca, form, name, fault } = self;
        match fault {
            ConstraintFault::NotPermitted { permitted } => write!(
                f,
                "its {form} {name} is not in a subtree that the name constraints of {ca} permit ({permitted}); have it \
                 issued by another CA, or for other names"
            ),
            ConstraintFault::Excluded { subtree } => write!(
                f,
                "its {form} {name} is in the subtree {subtree}, which the name constraints of {ca} exclude; have it issued \
                 by another CA, or for other names"
            ),
            ConstraintFault::UnsupportedForm => write!(
                f,
                "{ca} has a name constraint on the form of its {form} {name}, which is not supported; supported are \
                 constraints on DNS names and IP addresses"
            ),
        }
    }
}
