use proptest::prelude::*;

use super::*;

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
}

/// RFC 9180, appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode.
#[test]
fn sealing_and_opening_give_the_vectors_of_the_rfc() {
    let info: [u8; 20] = bytes("4f6465206f6e2061204772656369616e2055726e");
    let text: [u8; 29] = bytes("4265617574792069732074727574682c20747275746820626561757479");
    let ciphertext: [u8; 45] = bytes("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
    let (secret, public) = prekey_pair(&bytes("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df"));
    assert_eq!(secret.0, bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"));
    assert_eq!(public.0, bytes("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"));

    let random = bytes("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
    let sealed = seal(&public, &info, b"Count-0", &text, &random).unwrap();
    assert_eq!(sealed.ephemeral, bytes("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"));
    assert_eq!(*sealed.ciphertext, ciphertext);
    assert_eq!(open(&secret, &info, b"Count-0", &sealed).unwrap(), text);
}

proptest! {
    #[test]
    fn only_the_recipient_opens_it_and_only_for_its_purpose_in_its_context(
        text in proptest::collection::vec(any::<u8>(), 0..300),
        random in any::<[u8; 32]>(),
        (place, flip) in (any::<prop::sample::Index>(), 1_u8..),
    ) {
        let (secret, public) = prekey_pair(&[1; 32]);
        let (other, _) = prekey_pair(&[2; 32]);
        let sealed = seal(&public, b"purpose", b"context", &text, &random).unwrap();
        prop_assert_eq!(sealed.ciphertext.len() + 32, text.len() + SEALING_OVERHEAD);
        prop_assert_eq!(open(&secret, b"purpose", b"context", &sealed).unwrap(), text);
        prop_assert!(open(&other, b"purpose", b"context", &sealed).is_err());
        prop_assert!(open(&secret, b"another", b"context", &sealed).is_err());
        prop_assert!(open(&secret, b"purpose", b"another", &sealed).is_err());
        let mut altered = sealed;
        let place = place.index(altered.ciphertext.len());
        altered.ciphertext[place] ^= flip;
        prop_assert!(open(&secret, b"purpose", b"context", &altered).is_err());
    }
}

#[test]
fn keys_that_give_everybody_the_same_secret_are_refused() {
    assert_eq!(seal(&Prekey([0; 32]), b"", b"", b"", &[3; 32]), Err(SealError::BadPrekey));
}
