use super::keys::KEYS;
use super::template::{TEMPLATE, filled};
use super::*;
use crate::crypto::Secret;
use crate::wire::admission::{PastRule, RevocationRule};

fn parsed(source: &str) -> Layer {
    parse(source, "conf/config.toml".as_ref()).unwrap_or_else(|error| panic!("{error}"))
}

fn mistake(source: &str) -> String {
    parse(source, "c.toml".as_ref()).unwrap_err().to_string()
}

/// The template with its defaults no longer comments.
fn uncommented() -> String {
    let is_default = |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    TEMPLATE.lines().map(|line| if is_default(line) { &line[1..] } else { line }).fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn the_template_says_nothing_and_uncommented_says_the_defaults() {
    assert_eq!(parsed(TEMPLATE), Layer::default());
    let layer = parsed(&uncommented());
    // Defaults that are written out are no different from those that are not.
    assert_eq!(format!("{:?}", Settings::of(layer.clone()).unwrap()), format!("{:?}", Settings::default()));
    assert_eq!(layer.record_limit_mib, Some(RECORD_LIMIT_MIB));
}

#[test]
fn the_template_names_every_setting() {
    let uncommented = uncommented().replace("# Example: ", "");
    let named: Vec<&str> = uncommented.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    for key in KEYS {
        assert_eq!(named.iter().filter(|name| **name == key.name).count(), 1, "{}", key.name);
    }
    parsed(&uncommented);
}

#[test]
fn the_answers_of_a_first_start_stand_in_the_template() {
    let seeds = ["a.example:9000".to_owned(), "[::1]:9001".to_owned()];
    let layer = parsed(&filled("Zoë \"the\" 2nd\\", &seeds));
    assert_eq!((layer.nick.as_deref(), layer.seed_peers), (Some("Zoë \"the\" 2nd\\"), Some(seeds.to_vec())));
    assert_eq!(layer.invite_only, Some(true));
    assert_eq!(parsed(&filled("a", &[])).seed_peers, Some(Vec::new()));
    assert_eq!(filled("a", &[]).lines().count(), TEMPLATE.lines().count());
}

#[test]
fn every_setting_arrives() {
    let source = r#"
        nick = "alice"
        bind_addr = "::"
        port = 0
        advertise = "[2001:db8::1]:9000"
        discovery_port = 9998
        lan = false
        seed_peers = ["a.example:9000", "[::1]:9001"]
        network = "lab"
        network_key = "0707070707070707070707070707070707070707070707070707070707070707"
        metrics = "127.0.0.1:0"
        log = "json"
        record = "flight.rec"
        record_limit_mib = 3
        link_model = "wan"
        chat = false
        topics = ["tech"]
        invite_only = true
        revocation = "3"
        past = "none"
        keep_time = "30days"
        keep_mib = 5
        prekey_time = "10min"
        epoch_texts = 20
        epoch_time = "2h"
        min_degree = 4
        max_degree = 0x8
        gossip_interval = "2s"
        heartbeat_interval = "250ms"
        phi_threshold = 12
        rebalance_interval = "1m"
        ihave_timeout = "1s 500ms"
        max_discovery_retries = 3
        recovery_base_delay = "100ms"
        connect_timeout = "7s"
    "#;
    let Settings { mesh, log, wan_mode, lan_overruled } = Settings::of(parsed(source)).unwrap();
    let talking = MeshConfig { chat: true, ..mesh.clone() }.protocols();
    assert_eq!(
        (mesh.nick.as_deref(), mesh.bind_addr.to_string(), mesh.discovery_port, mesh.lan),
        (Some("alice"), "[::]:0".into(), 9998, false)
    );
    assert_eq!((mesh.advertise, mesh.metrics), ("[2001:db8::1]:9000".parse().ok(), "127.0.0.1:0".parse().ok()));
    assert_eq!((mesh.seeds, mesh.network.as_str()), (vec!["a.example:9000".to_owned(), "[::1]:9001".to_owned()], "lab"));
    assert!(mesh.network_key == Some(Secret([7; 32])) && mesh.keypair_seed.is_none());
    assert_eq!((log, wan_mode, lan_overruled), (LogFormat::Json, false, false));
    let record = mesh.record.unwrap();
    assert_eq!((record.path, record.limit, record.secret), ("conf/flight.rec".into(), 3 << 20, None));
    assert_eq!((mesh.link_model, mesh.min_degree, mesh.max_degree), (Some("wan".into()), 4, 8));
    assert!(!mesh.chat && mesh.require_invitation && mesh.topics == ["tech"]);
    assert_eq!((mesh.rules.revocation, mesh.rules.past), (RevocationRule::Quorum(3), PastRule::Nothing));
    let (chat, prekeys) = (talking.chat.unwrap(), talking.prekeys.unwrap());
    assert_eq!((chat.keep_time.as_secs(), chat.keep_bytes), (30 * 24 * 3600, 5 << 20));
    assert_eq!((chat.epoch_texts, chat.epoch_time.as_secs()), (20, 7200));
    assert_eq!((prekeys.rotation.as_secs(), prekeys.grace.as_secs()), (600, 600));
    let times = [mesh.gossip_interval, mesh.heartbeat_interval, mesh.rebalance_interval, mesh.ihave_timeout].map(|time| time.as_millis());
    assert_eq!(times, [2_000, 250, 60_000, 1_500]);
    assert_eq!((mesh.phi_threshold, mesh.max_discovery_retries), (12.0, 3));
    assert_eq!((mesh.recovery_base_delay.as_millis(), mesh.connect_timeout.as_millis()), (100, 7_000));
}

#[test]
fn metrics_may_be_a_port_alone() {
    for source in ["metrics = 9100", "metrics = \"9100\""] {
        assert_eq!(parsed(source).metrics, "127.0.0.1:9100".parse().ok());
    }
}

#[test]
fn flags_win_and_lists_replace_each_other() {
    let file = parsed("port = 1\nnick = \"file\"\nseed_peers = [\"a:1\", \"b:1\"]");
    let flags = Layer { port: Some(2), seed_peers: Some(vec!["c:1".into()]), ..Layer::default() };
    let mesh = MeshConfig::from(Settings::of(flags.over(file)).unwrap());
    assert_eq!((mesh.bind_addr.port(), mesh.nick.as_deref(), mesh.seeds), (2, Some("file"), vec!["c:1".to_owned()]));
}

#[test]
fn wan_mode_is_silent_on_the_lan_and_patient() {
    let wan = Settings::of(parsed("wan_mode = true\nlan = true")).unwrap();
    assert!(wan.wan_mode && !wan.mesh.lan && wan.lan_overruled);
    let detection = wan.mesh.protocols().detection.unwrap();
    assert_eq!(detection.acceptable_pause, WAN_ACCEPTABLE_PAUSE);
    assert!(!Settings::of(parsed("wan_mode = true")).unwrap().lan_overruled);
    assert_eq!(wan.mesh.connect_timeout, WAN_CONNECT_TIMEOUT);
    assert_eq!(wan.mesh.gossip_interval, MeshConfig::default().gossip_interval);
    let wan = Settings::of(parsed("connect_timeout = \"3s\"\nwan_mode = true")).unwrap();
    assert_eq!(wan.mesh.connect_timeout, Duration::from_secs(3));
}

#[test]
fn an_unknown_setting_is_placed_and_the_nearest_named() {
    let error = mistake("# mine\nport = 1\n  gossip-intervall = \"1s\"\n");
    let expected = "c.toml:3:3: there is no setting `gossip-intervall`; did you mean `gossip_interval`?\n 3 |   gossip-intervall = \"1s\"";
    assert!(error.starts_with(expected), "{error}");
    assert!(mistake("zebra = 1").starts_with("c.toml:1:1: there is no setting `zebra`\n"));
    assert!(mistake("[mesh]\nport = 1").contains("c.toml:1:2: there is no setting `mesh`, and settings do not stand in sections"));
    assert!(mistake("data_dir = \"/tmp\"").contains("name it with --data-dir"));
    assert!(mistake("keypair-seed = \"00\"").contains("identity.key"));
    // The first of several is told.
    assert!(mistake("zebra = 1\napple = 1").contains("`zebra`"));
}

#[test]
fn a_wrong_value_is_placed_and_what_is_right_is_said() {
    for (source, expected) in [
        ("port = \"9000\"", "c.toml:1:8: `port`: expected a port from 0 to 65535, where 0 is any, found \"9000\""),
        ("port = 65536", "found 65536"),
        ("port = -1", "found -1"),
        ("port = 1e3", "found 1e3"),
        ("discovery_port = 0", "expected a port from 1 to 65535, found 0"),
        ("lan = \"no\"", "`lan`: expected true or false, found \"no\""),
        ("nick = 7", "`nick`: expected a name in quotes, found 7"),
        ("nick = \"\"", "`nick`: a nick has 1 to 32 characters"),
        ("bind_addr = \"0.0.0.0:9000\"", "without port"),
        ("metrics = \"here\"", "`metrics`: expected a port such as `9100`, for this machine only, or an address with port"),
        ("metrics = 65536", "`metrics`: expected a port such as 9100, for this machine only, or an IP address with port in quotes"),
        ("seed_peers = \"a:1\"", "expected a list such as [\"seed.example.org:9000\"]"),
        ("seed_peers = [\"a:1\",\n  \"b\"]", "c.toml:2:3: `seed_peers`: the seed `b` has no port; write `b:9000`"),
        ("seed_peers = [7]", "c.toml:1:15: `seed_peers`: expected a list"),
        ("log = \"xml\"", "`log`: expected `json` or `text`, found `xml`"),
        ("record = \"\"", "`record`: expected a path"),
        ("record_limit_mib = 0", "from 1 to 1048576, found 0"),
        ("keep_time = \"1s\"", "`keep_time`: expected a duration from 1min to 36500days"),
        ("keep_mib = 0", "expected a whole number of MiB from 1 to 1048576, found 0"),
        ("prekey_time = \"30days\"", "`prekey_time`: expected a duration from 1min to 7days"),
        ("epoch_texts = 1001", "expected a whole number from 1 to 1000, found 1001"),
        ("epoch_time = 3600", "expected a duration in quotes"),
        ("min_degree = 0", "expected a whole number from 1 to 1000, found 0"),
        ("phi_threshold = 0.0", "expected a number more than 0, found 0.0"),
        ("phi_threshold = nan", "expected a number more than 0"),
        ("phi_threshold = -1", "found -1"),
        ("gossip_interval = 5", "expected a duration in quotes, such as \"500ms\" or \"2s\", found 5"),
        ("gossip_interval = \"0s\"", "from 1ms to 1day"),
        ("max_discovery_retries = []", "found a list"),
        ("port = 1979-05-27", "found a date"),
        ("max_degree = 9\nmin_degree = 10", "c.toml:2:14: `min_degree` is 10 and `max_degree` is 9"),
        ("min_degree = 4", "c.toml:1:14: `min_degree` is 4 and `max_degree` is 3"),
        ("port = 1\nport = 2", "c.toml:2:1: duplicate key"),
        ("port = ", "c.toml:1:"),
        ("= 3", "c.toml:1:1: "),
    ] {
        let error = mistake(source);
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[test]
fn degrees_of_several_sources_are_compared() {
    let layer = Layer { max_degree: Some(1), ..Layer::default() };
    assert!(matches!(Settings::of(layer), Err(SettingsError::Degrees { min: 2, max: 1 })));
}

#[test]
fn a_key_is_never_shown() {
    let key = "7f".repeat(32);
    for source in [
        format!("network_key = \"{key}"),
        format!("network_key = \"{key}0\""),
        format!("network_key = {key}"),
        format!("network_kye = \"{key}\""),
        format!("nick = \"\" # {key}"),
        format!("port = \"{key}\""),
    ] {
        let error = mistake(&source);
        assert!(!error.contains("7f7f"), "{error}");
    }
    let layer = parsed(&format!("network_key = \"{key}\""));
    assert!(!format!("{layer:?}").contains("7f7f") && !format!("{:?}", Settings::of(layer)).contains("127, 127"));
}

#[cfg(unix)]
#[test]
fn keys_are_read_beside_the_file_and_must_be_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [config, key] = ["config.toml", "lab.key"].map(|name| folder.path().join(name));
    std::fs::write(&config, "network_key = \"lab.key\"").unwrap();
    let load = || Settings::load(Layer::default(), None, folder.path());
    assert!(load().unwrap_err().to_string().ends_with("lab.key cannot be read: there is no such file"));
    std::fs::write(&key, [9; 32]).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(load().unwrap_err().to_string().contains("chmod 600"));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(load().unwrap().mesh.network_key == Some(Secret([9; 32])));

    // A key in the file itself makes the file a secret.
    std::fs::write(&config, format!("network_key = \"{}\"", "09".repeat(32))).unwrap();
    std::fs::set_permissions(&config, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(load(), Err(SettingsError::Exposed(_))));
    std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(load().unwrap().mesh.network_key == Some(Secret([9; 32])));
}

#[test]
fn a_file_that_is_named_must_be_there_and_be_text() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Settings::load(Layer::default(), None, folder.path()).is_ok());
    let path = folder.path().join("mine.toml");
    let load = || Settings::load(Layer::default(), Some(&path), folder.path()).map_err(|error| error.to_string());
    assert!(load().unwrap_err().ends_with("mine.toml cannot be read: there is no such file"));
    std::fs::write(&path, b"nick = \"\xff\"").unwrap();
    assert!(load().unwrap_err().ends_with("mine.toml: this is not text in UTF-8"));
    std::fs::write(&path, vec![b'\n'; (1 << 20) + 1]).unwrap();
    assert!(load().unwrap_err().contains("longer than"));
    std::fs::write(&path, "port = 4").unwrap();
    assert_eq!(load().unwrap().mesh.bind_addr.port(), 4);
    let error = Settings::load(Layer::default(), Some(folder.path()), folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("cannot be read: it is a folder"), "{error}");
}

#[test]
fn the_template_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    assert_eq!(write_template(folder.path()).unwrap(), Some(path.clone()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TEMPLATE);
    std::fs::write(&path, "port = 1").unwrap();
    assert_eq!(write_template(folder.path()).unwrap(), None);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "port = 1");
}
