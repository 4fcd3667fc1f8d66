//! How a line may go on.

use super::View;
use super::command::HELP;

/// What the last word of `line` may become: whole lines. Commands at the beginning, then nicks or topics, whichever the command takes.
pub fn complete(line: &str, view: &View) -> Vec<String> {
    let Some((command, rest)) = line.split_once(' ') else {
        let matching = HELP.iter().filter(|(name, ..)| line.starts_with('/') && name.starts_with(line));
        return matching.map(|(name, arguments, _)| if arguments.is_empty() { (*name).to_owned() } else { format!("{name} ") }).collect();
    };
    let candidates: Vec<String> = match command {
        "/dm" | "/revoke" => members(view),
        "/join-topic" => view.topics.iter().filter(|topic| !topic.subscribed).map(|topic| topic.name.clone()).collect(),
        "/leave-topic" | "/send" | "/history" => {
            view.topics.iter().filter(|topic| topic.subscribed).map(|topic| topic.name.clone()).collect()
        }
        _ => Vec::new(),
    };
    let goes_on = if matches!(command, "/dm" | "/send") { " " } else { "" };
    let rest = rest.to_lowercase();
    // Whoever begins a name with a blank in it need not know that it wants quotes.
    let begins = |word: &str| word.starts_with(&rest) || word.strip_prefix('"').is_some_and(|word| word.starts_with(&rest));
    let matching = candidates.iter().filter(|word| begins(&word.to_lowercase()));
    matching.map(|word| format!("{command} {word}{goes_on}")).collect()
}

/// What members can be called without doubt.
fn members(view: &View) -> Vec<String> {
    let unique = |nick: &String| view.members.iter().filter(|other| other.nick.as_ref() == Some(nick)).count() == 1;
    let name = |nick: &String| if nick.contains(char::is_whitespace) { format!("\"{nick}\"") } else { nick.clone() };
    let all = view.members.iter();
    all.map(|member| member.nick.as_ref().filter(|nick| unique(nick)).map_or_else(|| member.id.to_string(), name)).collect()
}
