use super::*;

#[test]
fn a_persons_key_that_is_not_rsa_is_found() {
    let spki = root_signer().public_key_spki().to_vec();
    assert_finds(|tbs| set_spki(tbs, &spki), LintFinding::KeyKind);
}

#[test]
fn another_public_exponent_is_found() {
    let spki = PublicKey::from_rsa_modulus(&modulus())
        .unwrap()
        .spki_der()
        .to_vec();
    let mut other = spki;
    let last = other.len() - 1;
    other[last] = 3;
    assert_finds(|tbs| set_spki(tbs, &other), LintFinding::PublicExponent);
}

#[test]
fn a_modulus_one_bit_too_short_or_too_long_is_found() {
    for bits in [MIN_MODULUS_BITS, MAX_MODULUS_BITS] {
        let fits = altered(unsigned(SIGNATURE), |tbs| {
            set_modulus(tbs, &modulus_of(bits))
        });
        assert_eq!(findings(&fits), [], "{bits}");
    }
    for bits in [MIN_MODULUS_BITS - 1, MAX_MODULUS_BITS + 1] {
        assert_finds(
            |tbs| set_modulus(tbs, &modulus_of(bits)),
            LintFinding::ModulusLength(bits),
        );
    }
}

/// An odd number of so many bits without small factors.
fn modulus_of(bits: usize) -> Vec<u8> {
    let mut number: Vec<u8> = modulus()
        .into_iter()
        .cycle()
        .take(bits.div_ceil(8))
        .collect();
    let top = 1 << ((bits - 1) % 8);
    number[0] = number[0] & (top - 1) | top;
    let last = number.len() - 1;
    (0..=u16::MAX)
        .step_by(2)
        .map(|candidate| {
            number[last - 1] = (candidate >> 8) as u8;
            number[last] = candidate as u8 | 1;
            number.clone()
        })
        .find(|number| !key_rules::has_small_factor(number))
        .unwrap()
}

#[test]
fn an_even_modulus_is_found() {
    let mut even = modulus();
    *even.last_mut().unwrap() &= 0xfe;
    assert_finds(|tbs| set_modulus(tbs, &even), LintFinding::ModulusEven);
}

#[test]
fn a_modulus_with_a_small_factor_is_found() {
    // Three times an odd number of 6142 bits is odd and divisible by three.
    let mut product = Vec::new();
    let mut carry = 0_u16;
    for octet in modulus().iter().rev() {
        carry += u16::from(*octet) * 3;
        product.insert(0, (carry & 0xff) as u8);
        carry >>= 8;
    }
    product.insert(0, carry as u8);
    assert_finds(
        |tbs| set_modulus(tbs, &product),
        LintFinding::ModulusSmallFactor,
    );
}

#[test]
fn small_factors_are_found_whatever_the_length() {
    // 743 · 751, one octet short of a word and with words of zeros below.
    let product: [u8; 3] = [0x08, 0x83, 0xa9];
    assert!(key_rules::has_small_factor(&product));
    let shifted = [product.as_slice(), &[0; 9]].concat();
    assert!(key_rules::has_small_factor(&shifted));
    // 757 is the first prime that is not looked for; 65537 is prime.
    assert!(!key_rules::has_small_factor(&757_u32.to_be_bytes()));
    assert!(!key_rules::has_small_factor(&65_537_u32.to_be_bytes()));
}
