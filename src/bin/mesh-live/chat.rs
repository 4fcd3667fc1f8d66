//! `mesh-live chat`: lines in, lines out.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::time::Duration;

use murmuration::crypto::NodeId;
use murmuration::live::chat::{Command, Console, Line, LineKind, Listener, Status, check_text, news, parse};
use murmuration::live::{MeshEvent, MeshNode, NodeStopped, SendError, Subscription};
use murmuration::wire::chat::{EntryId, MAX_TEXT};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::level_filters::LevelFilter;

use crate::{node, run, try_say};

/// Between two looks at how the node stands with the others.
const LOOK: Duration = Duration::from_secs(1);
/// Longest line that is read. What is longer can only be too long.
const LONGEST: u64 = 64 * 1024;
/// Lines read ahead.
const AHEAD: usize = 64;

#[derive(clap::Args)]
#[group(id = "chat")]
pub struct Args {
    #[command(flatten)]
    run: run::Args,
    /// One JSON object a line, for machines: each has a `kind`.
    #[arg(long)]
    json: bool,
    /// Say this to all when the node has started. It is kept until somebody is there.
    #[arg(long, value_name = "TEXT", value_parser = fit)]
    publish: Option<String>,
    /// Read nothing from the standard input.
    #[arg(long)]
    no_stdin: bool,
    /// End when the standard input ends and somebody has all that was said; with status 2 if something will reach nobody.
    #[arg(long)]
    once: bool,
}

/// A text that can be said.
fn fit(text: &str) -> Result<String, SendError> {
    check_text(text.as_bytes()).map(|()| text.to_owned())
}

pub fn chat(args: &Args) -> Result<(), String> {
    let prepared = run::prepare(&args.run, LevelFilter::WARN)?;
    if !prepared.config.chat {
        return Err("chat is switched off: leave out --no-chat, or `chat = false` in the configuration".to_owned());
    }
    let (config, json) = (prepared.config.clone(), args.json);
    node::start(
        prepared,
        async |node| {
            if json {
                let fields = json!({
                    "kind": "started",
                    "id": format!("{:?}", node.id()),
                    "nick": config.nick,
                    "listening": node.local_addr().to_string(),
                    "recording": config.record.as_ref().map(|record| record.path.display().to_string()),
                });
                vec![fields.to_string()]
            } else {
                let mut lines = node::start_lines(&config, node).await;
                lines.insert(2, format!("Your key: {:?}", node.id()));
                lines
            }
        },
        async |node: MeshNode, events: Subscription| {
            let mut chat = Chat { console: Console::new(node), json, unread: BTreeMap::new(), lost: 0, unwritten: None };
            // If the node has stopped by itself there is nothing more to do.
            let _ = chat.run(args, events).await;
            match chat {
                Chat { unwritten: Some(error), .. } => Err(format!("what happens cannot be written to the standard output: {error}")),
                Chat { lost, .. } if args.once && lost > 0 => Err(format!("{lost} of the texts will reach nobody whom they were for")),
                _ => Ok(()),
            }
        },
    )
}

/// What was read from the standard input.
enum Typed {
    Line(Vec<u8>),
    TooLong,
}

struct Chat {
    console: Console,
    json: bool,
    /// What this node has said and nobody has yet, as far as is known; for whom alone.
    unread: BTreeMap<EntryId, Option<NodeId>>,
    /// Texts that were not said, or that those for whom they were will never have.
    lost: usize,
    /// Why what happens cannot be written any more. Nobody would hear of it.
    unwritten: Option<io::Error>,
}

impl Chat {
    async fn run(&mut self, args: &Args, events: Subscription) -> Result<(), NodeStopped> {
        let mut events = Listener::new(self.console.node.clone(), events).await?;
        let waiting = self.console.node.view().await?.waiting;
        if waiting > 0 {
            self.tell_line(&Line::waiting(waiting));
        }
        if let Some(text) = &args.publish {
            let lines = self.console.perform(Command::Say(text.clone())).await?;
            self.show(&lines);
        }
        let mut lines = if args.no_stdin { None } else { Some(read_lines()) };
        let mut status: Option<Status> = None;
        let mut look: Interval = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.unwritten.is_none() {
            tokio::select! {
                typed = next(&mut lines) => match typed {
                    Some(typed) => if self.take(typed).await? {
                        return Ok(());
                    },
                    None => lines = None,
                },
                event = events.recv() => match event {
                    Ok(event) => {
                        self.tell(&[event]).await?;
                        if events.is_untidy() {
                            self.tell(&events.catch_up().await?).await?;
                        }
                    }
                    Err(RecvError::Lagged(count)) => {
                        self.note(&format!("{count} events were missed; what was said among them follows"));
                        self.tell(&events.catch_up().await?).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                _ = look.tick() => {
                    let view = self.console.node.view().await?;
                    if status.as_ref().is_none_or(|known| is_news(known, &view.status)) {
                        let line = Line::status(&view.status);
                        self.tell_line(&line);
                        status = Some(view.status);
                    }
                    if args.once && lines.is_none() && view.waiting == 0 && self.is_read(&mut events).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Does what was typed; says whether it was to end.
    async fn take(&mut self, typed: Typed) -> Result<bool, NodeStopped> {
        let bytes = match typed {
            Typed::Line(bytes) => bytes,
            Typed::TooLong => {
                self.show(&[Line::new(LineKind::Error, format!("this line is longer than the {MAX_TEXT} bytes of a text: split it"))]);
                return Ok(false);
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) if parse(&text) == Ok(Some(Command::Quit)) => return Ok(true),
            Ok(text) => {
                let lines = self.console.enter(&text).await?;
                self.show(&lines);
            }
            // Others are shown it in hex.
            Err(error) => {
                if let Err(error) = self.console.node.send_to_topic(&self.console.topic, error.into_bytes()) {
                    self.show(&[Line::new(LineKind::Error, error.to_string())]);
                }
            }
        }
        Ok(false)
    }

    async fn tell(&mut self, events: &[MeshEvent]) -> Result<(), NodeStopped> {
        if matches!(events, [MeshEvent::Stopped]) {
            return Ok(());
        }
        let view = self.console.node.view().await?;
        for event in events {
            match event {
                MeshEvent::ChatMessageSent { id, to, .. } => drop(self.unread.insert(*id, *to)),
                // It will never have it.
                MeshEvent::MemberRevoked { id, .. } => {
                    let before = self.unread.len();
                    self.unread.retain(|_, to| *to != Some(*id));
                    self.lost += before - self.unread.len();
                }
                MeshEvent::ChatRefused { .. } => self.lost += 1,
                MeshEvent::Delivered { id, members } if *members > 1 => drop(self.unread.remove(id)),
                _ => {}
            }
            if let Some(line) = news(event, &view) {
                self.tell_line(&line);
            }
        }
        Ok(())
    }

    /// Whether somebody whom it is for has each text that was said by now, none of which waits.
    async fn is_read(&mut self, events: &mut Listener) -> Result<bool, NodeStopped> {
        // What is said may not be told yet, and of who has it not all is told.
        let mut missed = events.catch_up().await?;
        missed.retain(|event| !matches!(event, MeshEvent::Delivered { .. }));
        self.tell(&missed).await?;
        let delivered = self.console.node.delivered(self.unread.keys().copied().collect()).await?;
        let read = delivered.into_iter().filter(|(_, members)| *members > 1);
        let read: Vec<_> = read.map(|(id, members)| MeshEvent::Delivered { id, members }).collect();
        self.tell(&read).await?;
        Ok(self.unread.is_empty())
    }

    /// Answers of the console, as they are.
    fn show(&mut self, lines: &[Line]) {
        for line in lines {
            self.say(&if self.json { line.json().to_string() } else { line.text.clone() });
        }
    }

    fn say(&mut self, line: &str) {
        if let Err(error) = try_say(line) {
            self.unwritten = Some(error);
        }
    }

    /// Something that has happened.
    fn tell_line(&mut self, line: &Line) {
        match line.kind {
            _ if self.json => self.say(&line.json().to_string()),
            LineKind::Text | LineKind::Direct => self.say(&line.text),
            _ if line.text.is_empty() => {}
            _ => self.say(&format!("* {}", line.text)),
        }
    }

    fn note(&mut self, text: &str) {
        self.tell_line(&Line::new(LineKind::Info, text));
    }
}

/// Whether `now` is another status than `before` to somebody who does not count.
fn is_news(before: &Status, now: &Status) -> bool {
    match (before, now) {
        (Status::Connected { .. }, Status::Connected { .. }) => false,
        (Status::Searching { last: before, .. }, Status::Searching { last: now, .. }) => before != now && now.is_some(),
        (before, now) => before != now,
    }
}

/// The next line; never, if none is read.
async fn next(lines: &mut Option<Receiver<Typed>>) -> Option<Typed> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// Reads lines on a thread of its own, which the end of the process ends.
#[expect(clippy::disallowed_methods, reason = "nothing else reads the standard input without keeping the process from its end")]
fn read_lines() -> Receiver<Typed> {
    let (sender, lines) = channel(AHEAD);
    let read = move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match (&mut input).take(LONGEST).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let whole = line.len() < LONGEST as usize || line.ends_with(b"\n");
            while line.ends_with(b"\n") || line.ends_with(b"\r") {
                line.pop();
            }
            let typed = if whole {
                Typed::Line(line)
            } else {
                if input.skip_until(b'\n').is_err() {
                    return;
                }
                Typed::TooLong
            };
            if sender.blocking_send(typed).is_err() {
                return;
            }
        }
    };
    // Without a thread for it there is no input.
    let _ = std::thread::Builder::new().name("stdin".into()).spawn(read);
    lines
}
