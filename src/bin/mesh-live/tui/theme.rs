//! Colours: those of Tailwind, as far as the terminal shows them.

use murmuration::crypto::NodeId;
use ratatui::style::palette::tailwind as tw;
use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Depth {
    /// None: bold and reversed must do.
    Plain,
    /// The sixteen of old.
    Sixteen,
    /// A cube of 6 × 6 × 6, and greys.
    Indexed,
    /// All.
    True,
}

/// What a colour says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Most of the text.
    Text,
    /// What may be overlooked.
    Dim,
    /// What must not be.
    Strong,
    /// Names of things, and what can be done.
    Accent,
    /// It is well.
    Good,
    /// It may not be.
    Warn,
    /// It is not.
    Bad,
    /// For one person only.
    Direct,
    /// Lines between parts.
    Border,
    /// The lines at the top and the bottom.
    Bar,
    /// The one of a list.
    Selected,
    /// What stands over the rest.
    Popup,
}

/// How things look on this terminal.
#[derive(Clone, Copy, Debug)]
pub struct Theme(Depth);

/// Colours of authors, with those that come closest among sixteen.
const AUTHORS: [(Color, Color); 12] = [
    (tw::RED.c400, Color::LightRed),
    (tw::ORANGE.c400, Color::Red),
    (tw::AMBER.c300, Color::Yellow),
    (tw::LIME.c400, Color::LightGreen),
    (tw::EMERALD.c400, Color::Green),
    (tw::TEAL.c300, Color::Cyan),
    (tw::SKY.c400, Color::LightBlue),
    (tw::BLUE.c400, Color::Blue),
    (tw::INDIGO.c300, Color::LightCyan),
    (tw::VIOLET.c400, Color::Magenta),
    (tw::FUCHSIA.c400, Color::LightMagenta),
    (tw::ROSE.c300, Color::LightYellow),
];

impl Theme {
    /// What the variables of the environment say about the terminal.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let deep = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") || term.contains("direct");
        // tmux understands all colours and shows those that its terminal has. `screen` hands on what it was told of the terminal outside.
        let screen = term.starts_with("screen");
        Self(if set("NO_COLOR").is_some() || term == "dumb" {
            Depth::Plain
        } else if set("TMUX").is_some() || deep && !screen {
            Depth::True
        } else if term.contains("256") {
            Depth::Indexed
        } else {
            Depth::Sixteen
        })
    }

    /// How something that says this looks.
    pub fn style(self, role: Role) -> Style {
        let style = Style::new();
        let (text, modifier) = match role {
            Role::Text => (self.pick(tw::SLATE.c200, Color::Reset), Modifier::empty()),
            Role::Dim => (self.pick(tw::SLATE.c500, Color::DarkGray), Modifier::empty()),
            Role::Strong => (self.pick(tw::SLATE.c50, Color::Reset), Modifier::BOLD),
            Role::Accent => (self.pick(tw::SKY.c400, Color::Cyan), self.plain(Modifier::BOLD)),
            Role::Good => (self.pick(tw::EMERALD.c400, Color::Green), Modifier::empty()),
            Role::Warn => (self.pick(tw::AMBER.c400, Color::Yellow), self.plain(Modifier::BOLD)),
            Role::Bad => (self.pick(tw::ROSE.c400, Color::Red), self.plain(Modifier::BOLD)),
            Role::Direct => (self.pick(tw::FUCHSIA.c300, Color::Magenta), self.plain(Modifier::BOLD)),
            Role::Border => (self.pick(tw::SLATE.c700, Color::DarkGray), Modifier::empty()),
            Role::Bar | Role::Selected => (self.pick(tw::SLATE.c200, Color::Reset), self.flat(Modifier::REVERSED)),
            Role::Popup => (self.pick(tw::SLATE.c200, Color::Reset), Modifier::empty()),
        };
        let background = match role {
            Role::Bar | Role::Popup => Some(tw::SLATE.c900),
            Role::Selected => Some(tw::SLATE.c700),
            _ => None,
        };
        let style = text.map_or(style, |text| style.fg(text)).add_modifier(modifier);
        background.filter(|_| !self.is_flat()).map_or(style, |colour| style.bg(self.shade(colour)))
    }

    /// Behind everything.
    pub fn ground(self) -> Style {
        let style = self.style(Role::Text);
        if self.is_flat() { style } else { style.bg(self.shade(tw::SLATE.c950)) }
    }

    /// How the name of an author looks: the same everywhere, and in every session.
    pub fn author(self, id: &NodeId) -> Style {
        let hash = id.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        let (colour, old) = AUTHORS[(hash >> 32) as usize % AUTHORS.len()];
        let style = Style::new().add_modifier(Modifier::BOLD);
        self.pick(colour, old).map_or(style, |colour| style.fg(colour))
    }

    /// Whether it has no backgrounds of its own.
    fn is_flat(self) -> bool {
        matches!(self.0, Depth::Plain | Depth::Sixteen)
    }

    fn pick(self, colour: Color, old: Color) -> Option<Color> {
        match self.0 {
            Depth::Plain => None,
            Depth::Sixteen => Some(old),
            Depth::Indexed | Depth::True => Some(self.shade(colour)),
        }
    }

    fn shade(self, colour: Color) -> Color {
        if self.0 == Depth::Indexed { indexed(colour) } else { colour }
    }

    /// A modifier where there are no colours.
    fn plain(self, modifier: Modifier) -> Modifier {
        if self.0 == Depth::Plain { modifier } else { Modifier::empty() }
    }

    /// A modifier where there are no backgrounds.
    fn flat(self, modifier: Modifier) -> Modifier {
        if self.is_flat() { modifier } else { Modifier::empty() }
    }
}

/// The colour of the cube, or the grey, that comes closest.
fn indexed(colour: Color) -> Color {
    const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let Color::Rgb(red, green, blue) = colour else { return colour };
    let wanted = [red, green, blue].map(i32::from);
    let distance = |other: [i32; 3]| -> i32 { wanted.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum() };
    let nearest = |value: &i32| (0..STEPS.len()).min_by_key(|step| (STEPS[*step] - value).abs()).unwrap_or(0);
    let cube = [0, 1, 2].map(|part| nearest(&wanted[part]));
    let grey = ((wanted.iter().sum::<i32>() / 3 - 8 + 5) / 10).clamp(0, 23);
    if distance(cube.map(|step| STEPS[step])) <= distance([8 + 10 * grey; 3]) {
        Color::Indexed((16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8)
    } else {
        Color::Indexed((232 + grey) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(variables: &[(&str, &str)]) -> Depth {
        Theme::of(|name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())).0
    }

    #[test]
    fn the_terminal_says_what_it_can() {
        assert_eq!(depth(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(depth(&[("TERM", "xterm-256color")]), Depth::Indexed);
        assert_eq!(depth(&[("TERM", "screen"), ("TMUX", "/tmp/tmux-0/default,1,0")]), Depth::True);
        assert_eq!(depth(&[("TERM", "screen"), ("COLORTERM", "truecolor")]), Depth::Sixteen);
        assert_eq!(depth(&[("TERM", "linux")]), Depth::Sixteen);
        assert_eq!(depth(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")]), Depth::Plain);
        assert_eq!(depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Depth::Indexed);
    }

    #[test]
    fn without_colours_there_are_none() {
        use Role::{Accent, Bad, Bar, Border, Dim, Direct, Good, Popup, Selected, Strong, Text, Warn};
        let theme = Theme(Depth::Plain);
        let roles = [Text, Dim, Strong, Accent, Good, Warn, Bad, Direct, Border, Bar, Selected, Popup].map(|role| theme.style(role));
        for style in roles.into_iter().chain([theme.ground(), theme.author(&NodeId([7; 32]))]) {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert!(theme.style(Selected).add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn colours_fall_to_the_nearest() {
        assert_eq!(indexed(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(indexed(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(indexed(Color::Rgb(128, 128, 128)), Color::Indexed(244));
    }
}
