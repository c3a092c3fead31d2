use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{AeadInOut, Nonce},
};
use engine::ports::StoreError;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Encrypts single cells of the database, each bound to its table, row and column.
///
/// A ciphertext is `key id (1) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag`. Every cell has a key of
/// its own, derived from the column key by HKDF-SHA-256 over table, column and row, so that random nonces
/// stay within the bound of NIST SP 800-38D §8.3 (2³² messages for each key) however often the rows of a
/// large deployment are rewritten.
pub struct ColumnCipher {
    newest: ColumnKey,
    older: Vec<ColumnKey>,
}

/// A secret that cells are encrypted under, with the number that ciphertexts name it by.
pub struct ColumnKey {
    id: u8,
    secret: Zeroizing<[u8; 32]>,
}

/// Two different column keys were given the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two column keys have the id {0}")]
pub struct RepeatedKeyId(pub u8);

/// A column whose cells are encrypted.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) table: &'static str,
    pub(crate) name: &'static str,
    /// `table.name`, for errors.
    pub(crate) what: &'static str,
}

/// Names a column.
macro_rules! column {
    ($table:literal, $name:literal) => {
        $crate::cipher::Column {
            table: $table,
            name: $name,
            what: concat!($table, ".", $name),
        }
    };
}
pub(crate) use column;

const KEY_ID_LEN: usize = 1;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

impl ColumnKey {
    /// A key from 32 uniformly random bytes. The number is stored with every ciphertext; a key that
    /// follows another has a number of its own.
    #[must_use]
    pub fn new(id: u8, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { id, secret }
    }

    pub(crate) fn id(&self) -> u8 {
        self.id
    }
}

impl ColumnCipher {
    /// Encrypts under `newest`; decrypts what was written under any of the keys.
    ///
    /// # Errors
    /// Two keys have the same number.
    pub fn new(newest: ColumnKey, older: Vec<ColumnKey>) -> Result<Self, RepeatedKeyId> {
        let mut ids: Vec<u8> = older.iter().map(|key| key.id).chain([newest.id]).collect();
        ids.sort_unstable();
        match ids
            .windows(2)
            .find_map(|pair| (pair.first() == pair.last()).then(|| pair.first().copied()))
        {
            Some(Some(id)) => Err(RepeatedKeyId(id)),
            _ => Ok(Self { newest, older }),
        }
    }

    /// Encrypts one cell.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub(crate) fn encrypt(
        &self,
        column: Column,
        row: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.encrypt_under(&self.newest, column, row, plaintext)
    }

    /// Encrypts one cell under a given key.
    pub(crate) fn encrypt_under(
        &self,
        key: &ColumnKey,
        column: Column,
        row: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let place = place(column, row);
        // Reserved in full, so that no reallocation leaves a copy of the plaintext behind.
        let mut body = Vec::with_capacity(plaintext.len() + TAG_LEN);
        body.extend_from_slice(plaintext);
        key.cell(&place)
            .encrypt_in_place(&Nonce::<Aes256Gcm>::from(nonce), &place, &mut body)
            .expect("a cell is shorter than the 64 GiB that GCM takes");
        Ok([&[key.id][..], &nonce, &body].concat())
    }

    /// Decrypts one cell.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] naming the column: changed, moved from another cell, or written under a
    /// key that was not given.
    pub(crate) fn decrypt(
        &self,
        column: Column,
        row: &str,
        cell: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.try_decrypt(column, row, cell)
            .ok_or(StoreError::Corrupt { what: column.what })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &ColumnKey> {
        self.older.iter().chain([&self.newest])
    }

    fn try_decrypt(&self, column: Column, row: &str, cell: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = cell.split_at_checked(KEY_ID_LEN)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let key = self.keys().find(|key| [key.id] == id)?;
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        let place = place(column, row);
        let mut plaintext = Zeroizing::new(body.to_vec());
        key.cell(&place)
            .decrypt_in_place(&Nonce::<Aes256Gcm>::from(nonce), &place, &mut *plaintext)
            .ok()?;
        Some(plaintext)
    }
}

impl From<ColumnKey> for ColumnCipher {
    fn from(only: ColumnKey) -> Self {
        Self {
            newest: only,
            older: Vec::new(),
        }
    }
}

impl ColumnKey {
    /// The cipher of one cell.
    fn cell(&self, place: &[u8]) -> Aes256Gcm {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::from_prk(&*self.secret)
            .expect("32 bytes are a pseudorandom key for SHA-256")
            .expand_multi_info(&[b"smart-id/store/cell/v1", place], &mut *key)
            .expect("32 bytes are one block of output");
        Aes256Gcm::new((&*key).into())
    }
}

/// The unambiguous encoding of a cell's place: each part with its length before it.
fn place(column: Column, row: &str) -> Vec<u8> {
    let mut place = Vec::new();
    for part in [column.table, row, column.name] {
        let len = u32::try_from(part.len()).expect("names are shorter than 4 GiB");
        place.extend_from_slice(&len.to_be_bytes());
        place.extend_from_slice(part.as_bytes());
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMN: Column = column!("account", "person");

    fn key(id: u8, fill: u8) -> ColumnKey {
        ColumnKey::new(id, Zeroizing::new([fill; 32]))
    }

    fn refused(result: Result<Zeroizing<Vec<u8>>, StoreError>) -> bool {
        matches!(
            result,
            Err(StoreError::Corrupt {
                what: "account.person"
            })
        )
    }

    #[test]
    fn equal_plaintexts_have_different_ciphertexts() {
        let cipher = ColumnCipher::from(key(1, 7));
        let first = cipher.encrypt(COLUMN, "a", b"secret").expect("encrypts");
        let second = cipher.encrypt(COLUMN, "a", b"secret").expect("encrypts");
        assert_ne!(first, second);
    }

    #[test]
    fn the_newest_key_encrypts_and_all_decrypt() {
        let old = ColumnCipher::from(key(1, 7))
            .encrypt(COLUMN, "a", b"old")
            .expect("encrypts");
        let cipher = ColumnCipher::new(key(2, 9), vec![key(1, 7)]).expect("distinct ids");
        let new = cipher.encrypt(COLUMN, "a", b"new").expect("encrypts");
        assert_eq!(new.first(), Some(&2));
        assert_eq!(
            &**cipher.decrypt(COLUMN, "a", &old).expect("the older key"),
            b"old"
        );
        assert_eq!(
            &**cipher.decrypt(COLUMN, "a", &new).expect("the newest key"),
            b"new"
        );
        assert!(refused(
            ColumnCipher::from(key(1, 7)).decrypt(COLUMN, "a", &new)
        ));
    }

    #[test]
    fn the_same_number_twice_is_refused() {
        assert_eq!(
            ColumnCipher::new(key(3, 1), vec![key(3, 2)]).err(),
            Some(RepeatedKeyId(3))
        );
    }

    #[test]
    fn another_key_with_the_same_number_does_not_open_it() {
        let cell = ColumnCipher::from(key(1, 7))
            .encrypt(COLUMN, "a", b"secret")
            .expect("encrypts");
        assert!(refused(
            ColumnCipher::from(key(1, 8)).decrypt(COLUMN, "a", &cell)
        ));
    }

    #[test]
    fn where_table_row_and_column_part_is_bound_too() {
        let cipher = ColumnCipher::from(key(1, 7));
        let cell = cipher
            .encrypt(column!("ab", "c"), "d", b"secret")
            .expect("encrypts");
        assert!(cipher.decrypt(column!("a", "bc"), "d", &cell).is_err());
        assert!(cipher.decrypt(column!("ab", "d"), "c", &cell).is_err());
        assert!(cipher.decrypt(column!("ab", "cd"), "", &cell).is_err());
    }

    #[test]
    fn anything_shorter_than_a_ciphertext_is_refused() {
        let cipher = ColumnCipher::from(key(1, 7));
        let cell = cipher.encrypt(COLUMN, "a", b"").expect("encrypts");
        for len in 0..cell.len() {
            assert!(refused(cipher.decrypt(COLUMN, "a", &cell[..len])), "{len}");
        }
    }

    proptest! {
        #[test]
        fn a_cell_opens_in_its_place_only(
            plaintext in proptest::collection::vec(any::<u8>(), 0..300),
            row in ".{0,20}",
            other_row in ".{0,20}",
            bit in any::<prop::sample::Index>(),
        ) {
            let cipher = ColumnCipher::from(key(1, 7));
            let cell = cipher.encrypt(COLUMN, &row, &plaintext).expect("encrypts");
            prop_assert_eq!(&**cipher.decrypt(COLUMN, &row, &cell).expect("opens"), &plaintext[..]);

            prop_assert_eq!(refused(cipher.decrypt(COLUMN, &other_row, &cell)), row != other_row);
            prop_assert!(cipher.decrypt(column!("account", "state"), &row, &cell).is_err());
            prop_assert!(cipher.decrypt(column!("registration", "person"), &row, &cell).is_err());

            let bit = bit.index(cell.len() * 8);
            let mut changed = cell;
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(refused(cipher.decrypt(COLUMN, &row, &changed)));
        }
    }
}
