//! The key shares of a ClientHello (RFC 9846 §4.3.8).

use std::borrow::Cow;

use tls_codec::code_points::NamedGroup;
use tls_codec::error::BufferFull;
use tls_codec::extension;
use tls_codec::writer::Writer;
use tls_crypto::{Backend, EphemeralKey, Group};

use crate::error::Error;
use crate::negotiate::{group_id, group_of};

/// The private keys of the shares.
pub(super) struct KeyShares {
    key: EphemeralKey,
    /// The group of the curve of a hybrid key, if it is enabled. Its share is a part of the hybrid
    /// share, so it costs no key generation. It is sent unless there is a second key.
    classical: Option<Group>,
    /// A second key, for the group that the server used last time.
    other: Option<Box<EphemeralKey>>,
}

impl KeyShares {
    /// Generates the keys of a first ClientHello, for at most two shares:
    ///
    /// * one of the preferred group, the first of `enabled`;
    /// * one of the group that the server used last time, or else of the curve in a hybrid.
    ///
    /// The server's last group replaces the preferred one, unless only the latter is post-quantum:
    /// a server that is updated must be able to choose it.
    pub(super) fn generate(
        backend: Backend,
        enabled: &[Group],
        last_used: Option<Group>,
    ) -> Result<Option<Self>, Error> {
        let generate = |group| generate(backend, group);
        let Some(preferred) = enabled.first().copied() else { return Ok(None) };
        let last_used = last_used.filter(|group| enabled.contains(group));
        let group = match last_used {
            Some(group) if group.is_post_quantum() || !preferred.is_post_quantum() => group,
            _ => preferred,
        };
        let classical = group.classical_part().filter(|group| enabled.contains(group));
        let other = last_used.filter(|last| *last != group && Some(*last) != classical);
        let other = other.map(generate).transpose()?.map(Box::new);
        Ok(Some(Self { key: generate(group)?, classical, other }))
    }

    /// Generates the key of a second ClientHello, which has one share.
    pub(super) fn retry(backend: Backend, group: Group) -> Result<Self, Error> {
        Ok(Self { key: generate(backend, group)?, classical: None, other: None })
    }

    #[cfg(test)]
    pub(super) fn of(key: EphemeralKey) -> Self {
        Self { key, classical: None, other: None }
    }

    /// Returns whether a share of this group is sent.
    pub(super) fn contains(&self, group: NamedGroup) -> bool {
        self.groups().into_iter().flatten().any(|sent| group_id(sent) == group)
    }

    fn groups(&self) -> [Option<Group>; 2] {
        [Some(self.key.group()), self.other.as_ref().map(|key| key.group()).or(self.classical)]
    }

    fn share(&self, group: Group) -> Option<Cow<'_, [u8]>> {
        let other = self.other.as_ref().and_then(|key| key.public_key_for(group));
        other.or_else(|| self.key.public_key_for(group))
    }

    /// The length of all shares, with their headers.
    pub(super) fn encoded_len(&self) -> usize {
        self.groups().into_iter().flatten().map(|group| group.public_key_len().saturating_add(4)).sum()
    }

    /// Writes the extension. The shares have the order of `enabled`, as the RFC demands.
    pub(super) fn write(&self, w: &mut Writer<'_>, enabled: &[Group]) -> Result<(), BufferFull> {
        let place = |group: Option<Group>| enabled.iter().position(|enabled| Some(*enabled) == group);
        let mut groups = self.groups();
        groups.sort_by_key(|group| place(*group).unwrap_or(usize::MAX));
        let shares = groups.map(|group| group.and_then(|group| Some((group_id(group), self.share(group)?))));
        let shares = shares.each_ref().map(|share| share.as_ref().map(|(group, share)| (*group, &**share)));
        match shares {
            [Some(first), Some(second)] => extension::KeyShareClientHello::write(w, &[first, second]),
            [first, second] => extension::KeyShareClientHello::write(w, first.or(second).as_slice()),
        }
    }

    /// Returns the key for a group that was sent.
    pub(super) fn into_key(self, group: NamedGroup) -> Option<EphemeralKey> {
        if !self.contains(group) {
            return None;
        }
        let group = group_of(group)?;
        match self.other {
            Some(other) if other.group() == group => Some(*other),
            _ => self.key.into_group(group),
        }
    }
}

fn generate(backend: Backend, group: Group) -> Result<EphemeralKey, Error> {
    EphemeralKey::generate(backend, group).map_err(|_| Error::Crypto("generating a key share"))
}
