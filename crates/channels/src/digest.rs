//! Short names made from other things by a hash: of a menu, to see that it changed; of a token, to have what nobody guesses.

use sha2::{Digest, Sha256};

/// 32 hexadecimal digits that are the same for the same parts.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        // Keeps `ab`, `c` apart from `a`, `bc`.
        hash.update([0]);
    }
    let half: [u8; 16] = std::array::from_fn({
        let whole = hash.finalize();
        move |at| whole[at]
    });
    format!("{:032x}", u128::from_be_bytes(half))
}
