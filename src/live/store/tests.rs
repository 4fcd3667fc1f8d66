use super::*;

fn row(name: &str, value: Option<&str>) -> Output {
    Output::Persist { node: 0, row: name.as_bytes().into(), value: value.map(|value| value.as_bytes().into()) }
}

fn kept(store: &Store) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    store.rows().iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn now(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn what_was_kept_is_there_after_the_process_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path());
    let mut outputs = vec![row("a", Some("1")), Output::Vanish { node: 0 }, row("b", Some("2")), row("a", Some("3"))];
    store.keep(&mut outputs, now(1));
    assert_eq!(outputs, [Output::Vanish { node: 0 }]);
    store.keep(&mut vec![row("b", None), row("c", Some("4"))], now(2));
    drop(store);
    let store = Store::open(folder.path());
    assert_eq!(kept(&store), [("a".into(), "3".into()), ("c".into(), "4".into())]);
    assert_eq!(store.keeping().unsaved, None);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(folder.path().join(STORE_FILE).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_damaged_database_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE_FILE);
    std::fs::write(&path, "this is no database, but somebody's diary").unwrap();
    let mut store = Store::open(folder.path());
    store.keep(&mut vec![row("a", Some("1"))], now(1));
    drop(store);
    assert_eq!(std::fs::read(folder.path().join("chat.redb.damaged-1")).unwrap(), b"this is no database, but somebody's diary");

    // Overwritten, and cut off.
    let whole = std::fs::read(&path).unwrap();
    let mut altered = whole.clone();
    altered[..4096.min(whole.len())].fill(0xa5);
    for (number, damaged) in [(2, &altered[..]), (3, &whole[..whole.len() / 2]), (4, &whole[..0])] {
        std::fs::write(&path, damaged).unwrap();
        let store = Store::open(folder.path());
        assert_eq!((kept(&store), store.keeping().unsaved.as_ref()), (vec![], None), "{number}");
        drop(store);
        assert!(folder.path().join(format!("chat.redb.damaged-{number}")).exists());
    }
}

#[test]
fn a_first_creation_that_was_cut_off_leaves_no_damaged_database() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chat.redb.new"), "half").unwrap();
    let mut store = Store::open(folder.path());
    store.keep(&mut vec![row("a", Some("1"))], now(1));
    assert_eq!(store.keeping().unsaved, None);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [STORE_FILE]);
}

#[cfg(unix)]
#[test]
fn a_database_that_is_removed_or_replaced_is_said_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE_FILE);
    let mut store = Store::open(folder.path());
    store.keep(&mut vec![row("a", Some("1")), row("b", Some("2"))], now(1));
    for (second, replaced) in [(10, false), (20, true)] {
        std::fs::remove_file(&path).unwrap();
        if replaced {
            std::fs::write(&path, "another").unwrap();
        }
        // It is noticed also if there is nothing to write.
        store.keep(&mut Vec::new(), now(second));
        let said = store.keeping().unsaved.clone().unwrap();
        assert!(said.contains("chat.redb was removed or replaced while the node runs"), "{said}");
        store.keep(&mut Vec::new(), now(second));
        assert_eq!(store.keeping().unsaved, None);
    }
    // Nothing that is said meanwhile goes into the file that is not there.
    std::fs::remove_file(&path).unwrap();
    store.keep(&mut vec![row("a", None), row("c", Some("3"))], now(20));
    assert!(store.keeping().unsaved.is_some());
    store.keep(&mut Vec::new(), now(20));
    drop(store);
    assert_eq!(kept(&Store::open(folder.path())), [("b".into(), "2".into()), ("c".into(), "3".into())]);
}

#[cfg(unix)]
#[test]
fn a_data_directory_that_is_removed_is_said_and_filled_when_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("alice");
    std::fs::create_dir(&folder).unwrap();
    let mut store = Store::open(&folder);
    store.keep(&mut vec![row("a", Some("1"))], now(1));
    std::fs::remove_dir_all(&folder).unwrap();
    store.keep(&mut vec![row("b", Some("2"))], now(2));
    store.keep(&mut Vec::new(), now(3));
    let said = store.keeping().unsaved.clone().unwrap();
    assert!(said.contains(&format!("there is no data directory {}", folder.display())) && said.contains("identity.key"), "{said}");
    std::fs::create_dir(&folder).unwrap();
    store.keep(&mut Vec::new(), now(14));
    assert_eq!(store.keeping().unsaved, None);
    drop(store);
    assert_eq!(kept(&Store::open(&folder)).len(), 2);
}

#[test]
fn what_cannot_be_written_is_said_and_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE_FILE);
    std::fs::create_dir(&path).unwrap();
    let mut store = Store::open(folder.path());
    store.keep(&mut vec![row("a", Some("1"))], now(1));
    assert!(store.keeping().unsaved.as_ref().unwrap().ends_with("chat.redb cannot be written: it is a folder"));
    assert_eq!(kept(&store), [("a".into(), "1".into())]);
    std::fs::remove_dir(&path).unwrap();
    store.keep(&mut vec![row("b", Some("2"))], now(5));
    assert!(store.keeping().unsaved.is_some(), "it is too early");
    store.keep(&mut Vec::new(), now(20));
    assert_eq!(store.keeping().unsaved, None);
    drop(store);
    assert_eq!(kept(&Store::open(folder.path())).len(), 2);
}

#[test]
fn without_a_folder_rows_live_as_long_as_the_process() {
    let mut store = Store::in_memory();
    store.keep(&mut vec![row("a", Some("1")), row("b", Some("2")), row("a", None)], now(1));
    assert_eq!(kept(&store), [("b".into(), "2".into())]);
    assert!(store.keeping().unsaved.is_some());
}
