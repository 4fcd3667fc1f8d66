use proptest::prelude::*;

use super::super::{WireMessage, encode, encoded_len};
use super::*;

const NETWORK: [u8; 8] = *b"murmur 1";

fn datagram(life: u64, number: u64, ciphertext: Vec<u8>, mode: CryptoMode) -> Datagram {
    let identity = Identity::from_seed([7; 32], mode);
    let sealed = SealedBox { ephemeral: [3; 32], ciphertext: ciphertext.into() };
    let unsigned = Datagram {
        source: identity.id(),
        target: NodeId([9; 32]),
        life,
        number,
        hops_left: MAX_HOPS,
        prekey: PrekeyId([4; 8]),
        sealed,
        signature: Signature([0; 64]),
    };
    Datagram::sign(&identity, &NETWORK, unsigned)
}

proptest! {
    #[test]
    fn lengths_are_those_of_the_encoding(life: u64, number: u64, ciphertext in prop::collection::vec(any::<u8>(), 0..600)) {
        let datagram = datagram(life, number, ciphertext, CryptoMode::Modelled);
        let (source, target, hops_left, reason) = (datagram.source, datagram.target, 3, RoutingFailure::NoKey);
        let undeliverable = Undeliverable { source, life, number, target, hops_left, reason };
        for message in [RoutingMessage::Datagram(Box::new(datagram)), RoutingMessage::Undeliverable(Box::new(undeliverable))] {
            let message = WireMessage::Routing(message);
            prop_assert_eq!(encode(&message).unwrap().len(), encoded_len(&message));
        }
    }

    #[test]
    fn arbitrary_bytes_are_a_body_or_an_error(variant in 0_u8..3, mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        bytes.insert(0, variant);
        if let Ok(body) = DatagramBody::from_bytes(&bytes) {
            prop_assert_eq!(DatagramBody::from_bytes(&body.to_bytes().unwrap()).unwrap(), body);
        }
    }
}

#[test]
fn whatever_gives_a_datagram_its_meaning_is_signed() {
    for mode in [CryptoMode::Real, CryptoMode::Modelled] {
        let good = datagram(5, 6, vec![1, 2, 3], mode);
        assert!(good.verify(&NETWORK, mode).is_ok());
        assert!(good.verify(b"murmur 2", mode).is_err());
        let passed_on = Datagram { hops_left: 1, ..good.clone() };
        assert!(passed_on.verify(&NETWORK, mode).is_ok(), "those who pass it on count it down");
        let other = Identity::from_seed([8; 32], mode).id();
        let mut longer = good.clone();
        longer.sealed.ciphertext = vec![1, 2, 3, 4].into();
        let mut rekeyed = good.clone();
        rekeyed.sealed.ephemeral[0] ^= 1;
        for altered in [
            Datagram { source: other, ..good.clone() },
            Datagram { target: other, ..good.clone() },
            Datagram { life: 6, ..good.clone() },
            Datagram { number: 7, ..good.clone() },
            Datagram { prekey: PrekeyId([5; 8]), ..good.clone() },
            longer,
            rekeyed,
        ] {
            assert!(altered.verify(&NETWORK, mode).is_err(), "{altered:?}");
        }
    }
}

#[test]
fn the_longest_payload_fits_into_a_frame_and_a_longer_body_is_refused() {
    let longest = DatagramBody::Raw(Payload(vec![7; MAX_PAYLOAD].into())).to_bytes().unwrap();
    let message = datagram(u64::MAX, MAX_NUMBER, vec![0; longest.len() + 16], CryptoMode::Modelled);
    assert!(message.is_sound());
    assert!(encode(&RoutingMessage::Datagram(Box::new(message)).into()).is_ok());
    let longer = DatagramBody::Raw(Payload(vec![7; MAX_PAYLOAD + 1].into()));
    assert!(matches!(longer.to_bytes(), Err(CodecError::TooLong { .. })));
    assert!(matches!(DatagramBody::from_bytes(&vec![0; MAX_BODY + 1]), Err(CodecError::TooLong { .. })));
}

#[test]
fn numbers_and_lengths_that_cannot_be_are_unsound() {
    let good = datagram(1, 1, vec![0; 20], CryptoMode::Modelled);
    assert!(good.is_sound());
    assert!(!Datagram { number: 0, ..good.clone() }.is_sound());
    assert!(!Datagram { number: MAX_NUMBER + 1, ..good.clone() }.is_sound());
    assert!(!Datagram { hops_left: MAX_HOPS + 1, ..good.clone() }.is_sound());
    assert!(!Datagram { target: good.source, ..good.clone() }.is_sound());
    assert!(!datagram(1, 1, vec![0; MAX_BODY + 17], CryptoMode::Modelled).is_sound());
}
