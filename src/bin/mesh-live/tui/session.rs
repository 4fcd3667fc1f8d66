//! The chat view with a terminal and a node: what comes from either goes into the view, and what it wants done is done.

use std::time::Duration;

use murmuration::live::chat::{Console, Line, LineKind};
use murmuration::live::{MeshNode, NodeStopped, Subscription};
use ratatui::crossterm::event::Event;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::app::{App, Effect};
use super::feed::Kind;
use super::terminal::Screen;
use super::theme::Theme;
use super::{draw, events, spoilt};

/// Shortest time between two pictures.
const FRAME: Duration = Duration::from_millis(50);
/// Time between two looks at the node if nothing happens: round-trip times change all the time.
const LOOK: Duration = Duration::from_secs(1);
/// Longest time that an answer of the node is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says the lines with which it begins, and runs until somebody quits.
///
/// # Errors
/// The node has stopped, or the terminal is gone.
pub async fn run(
    screen: &mut Screen,
    inputs: &mut Receiver<Event>,
    (node, mut told): (&MeshNode, Subscription),
    begin: &[String],
    theme: Theme,
) -> Result<(), String> {
    let view = node.view().await.map_err(stopped)?;
    let size = screen.terminal.size().map_err(|error| spoilt(&error))?;
    let mut app = App::new(view, node.address(), theme, (size.width, size.height), screen.is_enhanced());
    app.greet(begin);
    let mut frames = interval(FRAME);
    // A picture that is late is drawn at once, and the next one not sooner than it may be.
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outdated = true;
    loop {
        tokio::select! {
            input = inputs.recv() => {
                let Some(input) = input else { return Ok(()) };
                for effect in enter(&mut app, input) {
                    match effect {
                        Effect::Quit => return Ok(()),
                        Effect::Redraw => screen.terminal.clear().map_err(|error| spoilt(&error))?,
                        Effect::Perform { topic, line } => perform(&mut app, node, topic, &line).await?,
                    }
                    outdated = true;
                }
            }
            event = told.recv() => {
                outdated = true;
                match event {
                    Ok(event) => if let Some((kind, text)) = events::notice(&event, &app.view) {
                        app.tell(kind, text);
                    },
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(stopped(NodeStopped)),
                }
            }
            _ = looks.tick() => outdated = true,
            _ = frames.tick(), if outdated || app.has_changed() => {
                if std::mem::take(&mut outdated) {
                    look(&mut app, node).await?;
                }
                if screen.is_lost() {
                    return Err("a part of the node has failed; what it said stands above".to_owned());
                }
                if app.take_changed() {
                    screen.terminal.draw(|frame| draw::chat(&app, frame)).map_err(|error| spoilt(&error))?;
                }
            }
        }
    }
}

fn enter(app: &mut App, input: Event) -> Vec<Effect> {
    match input {
        Event::Key(key) => return app.on_key(key),
        Event::Paste(text) => app.on_paste(&text),
        Event::Mouse(mouse) => app.on_mouse(mouse),
        Event::Resize(columns, rows) => app.on_resize(columns, rows),
        Event::FocusGained | Event::FocusLost => {}
    }
    Vec::new()
}

/// Takes a new picture of the node.
async fn look(app: &mut App, node: &MeshNode) -> Result<(), String> {
    let wanted = app.wanted();
    let both = async { Ok((node.view().await?, node.texts(None, wanted).await?)) };
    // A node that is busy is looked at again later.
    if let Ok(both) = timeout(PATIENCE, both).await {
        let (view, texts) = both.map_err(stopped)?;
        app.on_view(view);
        app.on_texts(texts);
    }
    Ok(())
}

/// Does what a line asks for, and shows the answer.
async fn perform(app: &mut App, node: &MeshNode, topic: String, line: &str) -> Result<(), String> {
    let console = Console { node: node.clone(), topic };
    let Ok(answer) = timeout(PATIENCE, console.enter(line)).await else {
        app.tell(Kind::Error, "The node does not answer: try again.");
        app.give_back(line);
        return Ok(());
    };
    let answer = answer.map_err(stopped)?;
    let joined = |lines: &[Line]| lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    match answer.split_first() {
        None => {}
        Some((first, rest)) if first.kind == LineKind::Error => {
            app.tell(Kind::Error, &*first.text);
            if !rest.is_empty() {
                app.tell(Kind::Answer, joined(rest));
            }
            app.give_back(line);
        }
        Some(_) => app.tell(Kind::Answer, joined(&answer)),
    }
    Ok(())
}

fn stopped(NodeStopped: NodeStopped) -> String {
    "the node has stopped; its log says why".to_owned()
}
