//! Texts that a node cannot read and may: it asks others for them, one after the other, and tells others what they may read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ChatConfig;
use super::entries::{Past, may_read};
use super::outlets::{Outlets, SpeakerItem};
use super::sync::{BATCH, WINDOW, pace};
use super::systems::ChatTimer;
use super::timeline::{Place, Text};
use crate::kernel::{Instant, Standing};
use crate::wire::admission::PastRule;
use crate::wire::chat::{EntryBody, EntryId, MAX_ASKED, SharedText, SyncMessage};
use crate::wire::{NodeId, TopicId};

/// How often each text is asked for before the wait doubles: it may be that only one of several members can tell it.
const ASKED_BEFORE_WAITING: u32 = 4;
/// Longest wait before somebody is asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Texts that are asked for at once.
struct Request {
    topic: TopicId,
    /// Who alone can tell them: of a text for one, the other of the two.
    of: Option<NodeId>,
    wanted: Vec<EntryId>,
}

/// A text cannot be read, or some could be told: it is asked soon again.
pub(super) fn ask_soon(it: &mut SpeakerItem, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    it.chat.asked = 0;
    arm(it, config.gap_delay, at, out);
}

/// Sets the timer, unless one is set that is due earlier.
fn arm(it: &mut SpeakerItem, wait: Duration, at: Instant, out: &mut Outlets) {
    let due = it.clock.after(at, wait);
    if it.chat.armed.ask.is_none_or(|armed| armed > due) {
        it.chat.armed.ask = Some(due);
        it.arm(ChatTimer::Ask, wait, at, out);
    }
}

/// The timer has fired.
pub(super) fn act(it: &mut SpeakerItem, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    // An earlier one was set after this one: it has done the work.
    if it.chat.armed.ask.is_none_or(|armed| armed > at) {
        return;
    }
    it.chat.armed.ask = None;
    give_up(it);
    let requests = requests(it);
    if requests.is_empty() {
        return;
    }
    ask(it, &requests, at, out);
    let times = it.chat.asked / requests.len() as u32 / ASKED_BEFORE_WAITING;
    let wait = config.gap_delay.saturating_mul(1 << times.min(16)).min(LONGEST_WAIT);
    it.chat.asked = it.chat.asked.saturating_add(1);
    arm(it, wait, at, out);
}

/// Where newcomers are told the last texts of a topic only, those before them are not waited for. As those who tell them it counts what can
/// be read: what nobody can read pushes nothing out.
fn give_up(it: &mut SpeakerItem) {
    let PastRule::Last(count) = it.access.past else { return };
    let first = |topic: &TopicId| {
        let readable = it.chat.texts.of_topic(topic).rev().filter(|text| text.to.is_none());
        readable.skip((count as usize).saturating_sub(1)).map(|text| text.place()).next()
    };
    let topics: BTreeSet<TopicId> = it.chat.locked.iter().map(|id| id.log.topic).collect();
    let firsts: BTreeMap<TopicId, Place> = topics.iter().filter_map(|topic| Some((*topic, first(topic)?))).collect();
    let is_past = |id: &EntryId| {
        let Some(entry) = it.chat.logs.entry(id) else { return true };
        let first = firsts.get(&id.log.topic);
        first.is_some_and(|first| (entry.clock, entry.time, entry.id) < *first) && !may_read(it, entry, &it.me.id, &Past::Nothing)
    };
    let gone: Vec<EntryId> = it.chat.locked.iter().filter(|id| is_past(id)).copied().collect();
    for id in gone {
        it.chat.locked.remove(&id);
    }
}

/// All texts that cannot be read, in requests that are not too long.
fn requests(it: &SpeakerItem) -> Vec<Request> {
    let mut all: BTreeMap<(TopicId, Option<NodeId>), Vec<EntryId>> = BTreeMap::new();
    for id in &it.chat.locked {
        let of = match it.chat.logs.entry(id).map(|entry| &entry.body) {
            Some(EntryBody::Direct { to, .. }) => Some(if id.log.author == it.me.id { *to } else { id.log.author }),
            _ => None,
        };
        all.entry((id.log.topic, of)).or_default().push(*id);
    }
    let chunks = |((topic, of), ids): (_, Vec<EntryId>)| {
        let request = |wanted: &[EntryId]| Request { topic, of, wanted: wanted.to_vec() };
        ids.chunks(MAX_ASKED).map(request).collect::<Vec<_>>()
    };
    all.into_iter().flat_map(chunks).collect()
}

/// Makes one of the requests. All come by turns, for the first may be such as nobody shares.
fn ask(it: &mut SpeakerItem, requests: &[Request], at: Instant, out: &mut Outlets) {
    // It is not reset when the wait is, or those whose turn is last would never be asked while there is news.
    let turn = it.chat.turn;
    it.chat.turn = turn.wrapping_add(1);
    let Request { topic, of, wanted } = &requests[turn % requests.len()];
    let answers = |id: &NodeId| it.book.get(id).is_some_and(|peer| peer.standing == Standing::Alive) && it.is_entitled(topic, id);
    let mut members: Vec<NodeId> = match of {
        Some(one) => vec![*one],
        None => it.book.iter().map(|(id, _)| *id).collect(),
    };
    members.retain(answers);
    members.sort_unstable();
    // Not all ask the same one first.
    let round = (turn / requests.len()).wrapping_add(usize::from(it.me.id.0[0]));
    if let Some(place) = round.checked_rem(members.len()) {
        out.sync(it.entity, members[place], SyncMessage::Ask { wanted: wanted.clone() }, at);
    }
}

/// Tells `asker` of the texts that it asks for those that it may read, as many as go into a few messages. All must be of one topic.
pub(super) fn share(it: &mut SpeakerItem, wanted: &[EntryId], asker: NodeId, at: Instant, out: &mut Outlets) {
    let Some(topic) = wanted.first().map(|id| id.log.topic) else { return };
    let belongs = it.chat.belongs(&topic, &asker);
    let past = Past::of(it, &topic);
    let mut messages: Vec<Vec<SharedText>> = Vec::new();
    let mut left = 0;
    for id in wanted {
        let (Some(entry), Some(text)) = (it.chat.logs.entry(id).cloned(), it.chat.texts.get(id).cloned()) else { continue };
        if !belongs || id.log.topic != topic || !may_read(it, &entry, &asker, &past) {
            it.chat.counts.not_shared += 1;
            continue;
        }
        let size = text.text.len() + 128;
        if size > left {
            if messages.len() >= WINDOW {
                break;
            }
            messages.push(Vec::new());
            left = BATCH;
        }
        left = left.saturating_sub(size);
        if let Some(last) = messages.last_mut() {
            last.push(SharedText { id: *id, opening: text.opening, text: text.text.clone() });
        }
    }
    for texts in messages {
        if !pace(it, asker, at) {
            return;
        }
        out.sync(it.entity, asker, SyncMessage::Share { texts }, at);
    }
}

/// A text that somebody shared: the commitment in its entry shows whether it is what its author said.
pub(super) fn learn_text(it: &mut SpeakerItem, shared: &SharedText, config: &ChatConfig, at: Instant, out: &mut Outlets) {
    if !it.chat.locked.contains(&shared.id) {
        return;
    }
    let Some(entry) = it.chat.logs.entry(&shared.id).cloned() else { return };
    if entry.body.text_len() != Some(shared.text.len()) || entry.body.commitment() != Some(&shared.opening.commit(&shared.text)) {
        it.chat.counts.false_texts += 1;
        return;
    }
    it.chat.locked.remove(&shared.id);
    if !it.chat.locked.is_empty() {
        ask_soon(it, config, at, out);
    }
    let to = if let EntryBody::Direct { to, .. } = &entry.body { Some(*to) } else { None };
    it.tell(Text::new(&entry, to, shared.opening, shared.text.clone()), at, out);
}
