use std::time::Duration;

use proptest::prelude::*;

use super::writer::WriteError;
use super::*;
use crate::crypto::{CryptoMode, Identity, Secret, network_key, network_tag};
use crate::gate::{Arrival, Command, Input, LinkId, NodeSpec, Output};
use crate::kernel::Instant;
use crate::kernel::NetworkTag;
use crate::mesh::Protocols;
use crate::mesh::handshake::NetworkKey;
use crate::wire::{Address, Payload};

const SEED: [u8; 32] = [7; 32];
const START: u64 = 1_700_000_000_000_000_000;

fn keys() -> Keys {
    Keys { identity: Secret(SEED), network: Some(Secret([9; 32])) }
}

fn header() -> Header {
    let key = keys().network;
    let spec = NodeSpec {
        ordinal: 0,
        identity: Identity::from_seed(SEED, CryptoMode::Real),
        network_key: NetworkKey(network_key("birds", key.as_ref())),
        network_tag: NetworkTag(network_tag("birds", key.as_ref())),
        address: Address::Socket("127.0.0.1:9000".parse().unwrap()),
        seeds: vec![Address::Socket("127.0.0.1:9001".parse().unwrap()), Address::Seed(0)],
        known: vec![Address::Socket("127.0.0.1:9002".parse().unwrap())],
        incarnation: 3,
        random: 11,
        key_random: key_random(&Secret(SEED), &[5; 32]),
    };
    let protocols = describe_protocols(&Protocols::default(), Duration::from_millis(1)).unwrap();
    Header::new(protocols, "birds", &spec, Instant::from_nanos(START), [5; 32], 4)
}

/// What a world that hears nobody does in some seconds, as it would be recorded.
fn recording(secret: Option<(&Secret, [u8; 12])>) -> Vec<u8> {
    let header = header();
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, &header, &keys(), secret).unwrap();
    let mut machine = Machine::new(&header, &header.setup(&[]).unwrap(), &keys());
    let mut at = header.started();
    for tick in 0..60_u64 {
        let command = Command::Publish(Payload(vec![tick as u8; 9].into()));
        let arrivals = if tick % 5 == 0 { vec![Arrival::new(at, Input::Command { node: 0, command })] } else { Vec::new() };
        machine.tick(at, arrivals.clone());
        let state = (tick % 10 == 0).then(|| machine.state());
        assert!(writer.tick(at, &arrivals, machine.outputs(), state, u64::MAX).unwrap());
        at = machine.next_due().max(at + Duration::from_millis(1));
        if let Some(Output::Dial { link, .. }) = machine.outputs().first() {
            assert!(link.0 > 8, "links are named after those of the life before");
        }
    }
    writer.end(&machine.state()).unwrap();
    drop(writer);
    file
}

fn reader(file: &[u8]) -> Result<Reader<&[u8]>, RecordingError> {
    Reader::new(file, file.len() as u64)
}

#[test]
fn a_recording_comes_out_the_same_and_another_keys_handshakes_do_not_open_it() {
    let file = recording(None);
    let mut it = reader(&file).unwrap();
    assert_eq!(*it.header(), header());
    let (summary, mismatch) = verify(&mut it, &keys(), Until::End).unwrap();
    assert_eq!(mismatch, None);
    assert_eq!((summary.ticks, summary.arrivals, summary.states, summary.ended, summary.cut), (60, 12, 7, true, false));
    assert!(summary.counts.dials > 0 && summary.counts.hellos > 0);
    let (part, mismatch) = verify(&mut reader(&file).unwrap(), &keys(), Until::Tick(10)).unwrap();
    assert_eq!((part.ticks, mismatch), (10, None));
    let (part, _) = verify(&mut reader(&file).unwrap(), &keys(), Until::Time(Duration::from_secs(1))).unwrap();
    assert!(part.ticks > 1 && part.time <= Duration::from_secs(1));
}

#[test]
fn a_recording_that_says_something_else_has_a_first_tick_that_differs() {
    let header = header();
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, &header, &keys(), None).unwrap();
    for tick in 0..3 {
        writer.tick(header.started() + Duration::from_secs(tick), &[], &[], None, u64::MAX).unwrap();
    }
    drop(writer);
    let (_, mismatch) = verify(&mut reader(&file).unwrap(), &keys(), Until::End).unwrap();
    assert_eq!(mismatch.map(|it| (it.tick, it.what)), Some((2, "what leaves the node".to_owned())), "in the first it dials nobody yet");
}

#[test]
fn a_change_has_a_first_difference_in_words() {
    let file = recording(None);
    let change = ["protocols.discovery.hello_interval=300ms".to_owned()];
    let it = compare(&mut reader(&file).unwrap(), &keys(), &change, Until::End).unwrap();
    assert_eq!(it.unfaithful, None);
    let first = it.first.unwrap();
    assert_eq!((&*first.original, &*first.changed), ("does nothing", "says hello on the local network"));
    assert!(it.ticks_of_its_own > 0 && it.changed.hellos > it.summary.counts.hellos);

    let none = compare(&mut reader(&file).unwrap(), &keys(), &["protocols.detection.threshold=9".to_owned()], Until::End).unwrap();
    assert_eq!((none.first, none.ticks_that_differ), (None, 0));
    for (wrong, says) in [
        ("protocols.detection.treshold=9", "did you mean `threshold`?"),
        ("network.link.loss=Independent(0.1)", "changes nothing that a recording holds"),
        ("protocols.detection.threshold=-1", "above zero"),
    ] {
        let error = compare(&mut reader(&file).unwrap(), &keys(), &[wrong.to_owned()], Until::End).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn keys_are_left_out_or_encrypted_and_only_the_right_ones_will_do() {
    let contains = |file: &[u8], key: &[u8; 32]| file.windows(32).any(|window| window == key);
    let open = recording(None);
    let it = reader(&open).unwrap();
    assert!(matches!(it.keys(None, None, None), Err(KeyError::IdentityMissing { .. })));
    assert!(matches!(it.keys(None, None, Some(&Secret([1; 32]))), Err(KeyError::NothingSealed)));
    assert!(matches!(it.keys(Some(Secret([8; 32])), keys().network, None), Err(KeyError::WrongIdentity { .. })));
    assert!(matches!(it.keys(Some(Secret(SEED)), None, None), Err(KeyError::NetworkKeyMissing { .. })));
    assert!(matches!(it.keys(Some(Secret(SEED)), Some(Secret([1; 32])), None), Err(KeyError::WrongNetworkKey { .. })));
    assert_eq!(it.keys(Some(Secret(SEED)), keys().network, None), Ok(keys()));

    let secret = Secret([3; 32]);
    let sealed = recording(Some((&secret, [4; 12])));
    let it = reader(&sealed).unwrap();
    assert_eq!(it.keys(None, None, Some(&secret)), Ok(keys()));
    assert!(matches!(it.keys(None, None, None), Err(KeyError::SecretMissing { .. })));
    assert!(matches!(it.keys(None, None, Some(&Secret([1; 32]))), Err(KeyError::WrongSecret)));
    for file in [&open, &sealed] {
        for key in [SEED, [9; 32], [3; 32]] {
            assert!(!contains(file, &key), "a key stands in clear");
        }
    }
}

#[test]
fn wherever_it_is_cut_off_what_is_whole_can_be_replayed() {
    let file = recording(None);
    let mut counts = Vec::new();
    for length in (0..file.len()).step_by(7) {
        match reader(&file[..length]) {
            Err(RecordingError::NoHeader) => assert!(counts.is_empty()),
            Err(error) => panic!("{length}: {error}"),
            Ok(mut it) => {
                while it.next_record().unwrap().is_some() {}
                counts.push(it.ticks());
            }
        }
    }
    assert!(counts.is_sorted() && counts.first() == Some(&0) && counts.last() == Some(&60));
    let mut it = reader(&file[..file.len() - 1]).unwrap();
    let (summary, mismatch) = verify(&mut it, &keys(), Until::End).unwrap();
    assert_eq!((summary.cut, summary.ended, summary.ticks, mismatch), (true, false, 60, None));
}

#[test]
fn what_does_not_fit_is_not_written() {
    let header = header();
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, &header, &keys(), None).unwrap();
    let before = writer.written();
    assert!(!writer.tick(header.started(), &[], &[], None, before + 5).unwrap());
    assert_eq!(writer.written(), before);
    let long = Input::Command { node: 0, command: Command::SetKey { key: "x".repeat(2 << 20), value: None } };
    let refused = writer.tick(header.started(), &[Arrival::new(header.started(), long)], &[], None, u64::MAX);
    assert!(matches!(refused, Err(WriteError::TooLong)));
    // Frames may be longer than a message.
    let frame = Input::Frame { link: LinkId(1), bytes: vec![1; 65_535].into() };
    let arrival = Arrival::new(header.started(), frame);
    assert!(writer.tick(header.started(), std::slice::from_ref(&arrival), &[], None, u64::MAX).unwrap());
    drop(writer);
    let Ok(Some(Record::Tick(tick))) = reader(&file).unwrap().next_record() else { panic!("a tick") };
    assert_eq!(tick.arrivals, [arrival]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_byte_that_was_altered_is_noticed(place in any::<prop::sample::Index>(), flip in 1_u8..) {
        static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut file = FILE.get_or_init(|| recording(None)).clone();
        let place = place.index(file.len());
        file[place] ^= flip;
        let noticed = match reader(&file) {
            Err(_) => true,
            Ok(mut it) => loop {
                match it.next_record() {
                    Err(RecordingError::Damaged { offset, .. }) => break offset <= place as u64,
                    Err(_) => break true,
                    Ok(Some(_)) => {}
                    Ok(None) => break it.is_cut(),
                }
            },
        };
        prop_assert!(noticed, "byte {place}");
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), ours in any::<bool>()) {
        let file = if ours { [MAGIC.as_slice(), &[FORMAT], &bytes].concat() } else { bytes };
        if let Ok(mut it) = reader(&file) {
            while let Ok(Some(_)) = it.next_record() {}
        }
    }

    /// With right checks, as whoever means ill would write it.
    #[test]
    fn any_content_with_right_checks_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..4) {
        let mut file = Vec::new();
        let writer = Writer::new(&mut file, &header(), &keys(), None).unwrap();
        drop(writer);
        let content = [&[kind], content.as_slice()].concat();
        let length = (content.len() as u32).to_le_bytes();
        let check = length_check(length, file.len() as u64);
        file.extend([length.as_slice(), &check, &content, &content_check(&content)].concat());
        if let Ok(mut it) = reader(&file) {
            while let Ok(Some(_)) = it.next_record() {}
        }
    }
}
