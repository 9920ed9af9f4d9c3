//! Keys: what seals, and what opens.

use std::{fmt, str::FromStr};

use age::{secrecy::ExposeSecret, x25519};
use bech32::FromBase32;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;

/// Names a key without telling anything about it: the first 8 bytes of the SHA-256 of the public key's text. Printed as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key that sections are sealed to: an age recipient of type X25519, `age1…`.
///
/// ```
/// use report_format::seal::{PublicKey, SecretKey};
/// let secret = SecretKey::generate();
/// let public: PublicKey = secret.public().to_string().parse()?;
/// assert_eq!(public.id(), secret.public().id());
/// # Ok::<(), report_format::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(x25519::Recipient);

impl PublicKey {
    /// The key's id.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0.to_string());
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    pub(super) fn recipient(&self) -> &x25519::Recipient {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    /// # Errors
    /// [`Error::Format`] if the text is no such key, or one that cannot keep a secret.
    fn from_str(text: &str) -> Result<Self, Error> {
        let no_key = |what: &str| {
            Error::format(
                format!("this is no public key ({what})"),
                "give the text that begins with age1, as keygen printed it",
            )
        };
        let recipient = x25519::Recipient::from_str(text).map_err(no_key)?;
        if !is_contributory(text) {
            return Err(no_key("everybody could open what is sealed to it"));
        }
        Ok(Self(recipient))
    }
}

/// Whether the point is one of those with which every secret key agrees on the same secret: age panics when it seals to one.
fn is_contributory(recipient: &str) -> bool {
    let bytes = bech32::decode(recipient).and_then(|(_, words, _)| Vec::from_base32(&words));
    let Some(point) = bytes.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) else { return false };
    let any = x25519_dalek::StaticSecret::from([1; 32]);
    any.diffie_hellman(&x25519_dalek::PublicKey::from(point)).was_contributory()
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A key that opens: an age identity of type X25519. Wiped from memory when it is dropped; its `Debug` shows only its id.
#[derive(Clone)]
pub struct SecretKey {
    identity: x25519::Identity,
    public: PublicKey,
}

impl SecretKey {
    /// A new key, from the system's random numbers.
    ///
    /// # Panics
    /// If the system gives no random numbers.
    pub fn generate() -> Self {
        Self::of(x25519::Identity::generate())
    }

    fn of(identity: x25519::Identity) -> Self {
        let public = PublicKey(identity.to_public());
        Self { identity, public }
    }

    /// What others seal to, so that this key opens it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key's id: that of its public key.
    pub fn id(&self) -> KeyId {
        self.public.id()
    }

    /// The key as text, `AGE-SECRET-KEY-1…`: wiped when it is dropped.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(self.identity.to_string().expose_secret().to_owned())
    }

    pub(super) fn identity(&self) -> &x25519::Identity {
        &self.identity
    }
}

impl FromStr for SecretKey {
    type Err = Error;

    /// # Errors
    /// [`Error::Format`], which does not repeat the text.
    fn from_str(text: &str) -> Result<Self, Error> {
        x25519::Identity::from_str(text).map(Self::of).map_err(|what| {
            Error::format(format!("this is no secret key ({what})"), "give the text that begins with AGE-SECRET-KEY-1")
        })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id())
    }
}
