use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use snow::Builder;

use super::handshake::PATTERN;
use super::proof::Binding;
use super::*;
use crate::crypto::{CryptoMode, Identity};
use crate::wire::admission::{Belonging, RecordId};
use crate::wire::{CloseReason, Frame};

const KEY: [u8; 32] = [9; 32];

fn identity(seed: u8, mode: CryptoMode) -> Identity {
    Identity::from_seed([seed; 32], mode)
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn expect_reply(progress: Progress) -> Frame {
    match progress {
        Progress::Reply(frame) => frame,
        Progress::Finished { .. } => panic!("too soon"),
    }
}

/// All three frames, and what each side ends with.
fn run(mode: CryptoMode, keys: [[u8; 32]; 2]) -> (Vec<Frame>, Result<[(crate::crypto::NodeId, Secrets); 2], CloseReason>) {
    let (mut a, first) = Handshake::begin(&identity(1, mode), true, &keys[0], &mut rng(1)).unwrap();
    let (mut b, none) = Handshake::begin(&identity(2, mode), false, &keys[1], &mut rng(2)).unwrap();
    assert!(none.is_none());
    let first = first.unwrap();
    let second = expect_reply(b.read(&first, Belonging::Open).unwrap());
    let Progress::Finished { remote: seen_by_a, secrets: of_a, reply: Some(third), .. } = a.read(&second, Belonging::Open).unwrap() else {
        panic!()
    };
    let end = match b.read(&third, Belonging::Open) {
        Ok(Progress::Finished { remote, secrets, reply: None, .. }) => Ok([(seen_by_a, of_a), (remote, secrets)]),
        Ok(_) => panic!("the handshake has three messages"),
        Err(reason) => Err(reason),
    };
    (vec![first, second, third], end)
}

/// The vector of cacophony that snow's source carries (`tests/vectors/cacophony.txt`), through our resolver's parameters.
#[test]
fn the_pattern_gives_the_published_vector() {
    let hex = |text: &str| -> Vec<u8> { (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect() };
    let psk: [u8; 32] = hex("54686973206973206d7920417573747269616e20706572737065637469766521").try_into().unwrap();
    let side = |secret: &str, ephemeral: &str, initiator: bool| {
        let (secret, ephemeral) = (hex(secret), hex(ephemeral));
        let builder = Builder::with_resolver(PATTERN.parse().unwrap(), Box::new(resolver::SeededResolver::new(&mut rng(0))))
            .prologue(b"John Galt")
            .unwrap()
            .local_private_key(&secret)
            .unwrap()
            .psk(3, &psk)
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(&ephemeral);
        if initiator { builder.build_initiator().unwrap() } else { builder.build_responder().unwrap() }
    };
    let mut a = side(
        "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
        "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
        true,
    );
    let mut b = side(
        "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
        "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
        false,
    );
    let messages = [
        (
            "4c756477696720766f6e204d69736573",
            "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944325ea71699951ece20f284b6ad9604a029eb335bf84564c308b6ade90ae45078",
        ),
        (
            "4d757272617920526f746862617264",
            "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432645535233ffe1432564d66a85227b677ced6fc2730ae0998ff49aa1dc56b8186e31b16e416f5d9c03c71f6c34fd37ec013105020070a8b00c000ce7ed56629c119795f96463274bc05519d5c24dc1",
        ),
        (
            "462e20412e20486179656b",
            "adf16c5375ec4172576783fd59f2bfa5c7a320d0a13b759592e1a2ddf5524cce59ccbb92ff5d321fced3bdb2840596df562c0e68aad41b090abd285f6d300130072e06964a6ba494e58d47",
        ),
    ];
    for (index, (payload, ciphertext)) in messages.into_iter().enumerate() {
        let (writer, reader) = if index % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let (mut sealed, mut opened) = ([0; 512], [0; 512]);
        let length = writer.write_message(&hex(payload), &mut sealed).unwrap();
        assert_eq!(sealed[..length], hex(ciphertext), "message {index}");
        let length = reader.read_message(&sealed[..length], &mut opened).unwrap();
        assert_eq!(opened[..length], hex(payload));
    }
    assert_eq!(a.get_handshake_hash(), hex("fc0819f08aebc23de9a783653d8d7d6395b7d243d9deec12f5d6fe2f4c206673"));
}

#[test]
fn both_sides_learn_who_the_other_is_and_can_talk() {
    let (_, end) = run(CryptoMode::Real, [KEY, KEY]);
    let [(seen_by_a, Secrets::Noise(mut a)), (seen_by_b, Secrets::Noise(mut b))] = end.unwrap() else { panic!("real keys") };
    assert_eq!(seen_by_a, identity(2, CryptoMode::Real).id());
    assert_eq!(seen_by_b, identity(1, CryptoMode::Real).id());
    let frame = a.seal(b"hello").unwrap();
    assert!(!frame.windows(5).any(|window| window == b"hello"), "it is not in clear");
    assert_eq!(b.heard(), 0);
    assert_eq!(b.open(&frame, true).unwrap(), b"hello");
    assert_eq!(b.heard(), 1);
    assert_eq!(b.open(&frame, true), Err(CloseReason::Replay));
    assert_eq!(b.open(&frame, false), Err(CloseReason::Replay));
    assert_eq!(a.open(&frame, true), Err(CloseReason::BadSeal), "a frame is not its sender's");
}

#[test]
fn a_wrong_network_key_is_named_in_both_modes() {
    for mode in [CryptoMode::Real, CryptoMode::Modelled] {
        assert_eq!(run(mode, [KEY, [8; 32]]).1.err(), Some(CloseReason::WrongNetworkKey));
    }
}

#[test]
fn modelled_frames_are_as_long_as_real_ones() {
    let lengths = |mode| run(mode, [KEY, KEY]).0.iter().map(Frame::len).collect::<Vec<_>>();
    assert_eq!(lengths(CryptoMode::Real), lengths(CryptoMode::Modelled));
}

#[test]
fn a_proof_holds_for_its_own_session_side_and_key_only() {
    for mode in [CryptoMode::Real, CryptoMode::Modelled] {
        let me = identity(1, mode);
        let belonging = Belonging::Network(RecordId([7; 16]));
        let bound = |initiator, hash, noise_key| Binding { initiator, hash, noise_key };
        let proof = proof::prove(&me, belonging, bound(true, b"hash", b"key"));
        let check =
            |proof: &[u8], initiator, hash: &'static [u8], key: &'static [u8]| proof::check(proof, bound(initiator, hash, key), mode);
        assert_eq!(check(&proof, true, b"hash", b"key"), Ok((me.id(), belonging)));
        for forged in [check(&proof, false, b"hash", b"key"), check(&proof, true, b"hush", b"key"), check(&proof, true, b"hash", b"kex")] {
            assert_eq!(forged, Err(CloseReason::ForgedIdentity));
        }
        let mut elsewhere = proof;
        elsewhere[40] ^= 1;
        assert_eq!(check(&elsewhere, true, b"hash", b"key"), Err(CloseReason::ForgedIdentity), "in another network");
        let mut other = proof;
        other[..32].copy_from_slice(&identity(3, mode).id().0);
        assert_eq!(check(&other, true, b"hash", b"key"), Err(CloseReason::ForgedIdentity));
        assert_eq!(check(&proof[..40], true, b"hash", b"key"), Err(CloseReason::BadHandshake));
    }
}

proptest! {
    #[test]
    fn a_message_that_was_altered_anywhere_is_refused(step in 0_usize..3, place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (frames, _) = run(CryptoMode::Real, [KEY, KEY]);
        let Frame::Bytes(bytes) = &frames[step] else { panic!() };
        let mut altered = bytes.to_vec();
        let place = 2 + place.index(altered.len() - 2);
        altered[place] ^= 1 << bit;
        let (mut a, first) = Handshake::begin(&identity(1, CryptoMode::Real), true, &KEY, &mut rng(1)).unwrap();
        let (mut b, _) = Handshake::begin(&identity(2, CryptoMode::Real), false, &KEY, &mut rng(2)).unwrap();
        let altered = Frame::Bytes(altered.into());
        let outcome = match step {
            // The first message is only an ephemeral key: altered, it leads to another second message, which then fails.
            0 => b.read(&altered, Belonging::Open).and_then(|progress| a.read(&expect_reply(progress), Belonging::Open)),
            1 => { b.read(&first.unwrap(), Belonging::Open).unwrap(); a.read(&altered, Belonging::Open) }
            _ => { let second = expect_reply(b.read(&first.unwrap(), Belonging::Open).unwrap()); a.read(&second, Belonging::Open).unwrap(); b.read(&altered, Belonging::Open) }
        };
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (mut b, _) = Handshake::begin(&identity(2, CryptoMode::Real), false, &KEY, &mut rng(2)).unwrap();
        let frame = Frame::Bytes(bytes.clone().into());
        let _ = frame.kind();
        let _ = b.read(&frame, Belonging::Open);
        let [(_, Secrets::Noise(mut a)), _] = run(CryptoMode::Real, [KEY, KEY]).1.unwrap() else { panic!() };
        prop_assert!(a.open(&bytes, false).is_err());
    }
}
