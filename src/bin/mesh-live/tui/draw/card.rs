//! A card that stands over the rest.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Padding};

use crate::tui::theme::{Role, Theme};
use crate::tui::wrap;

/// Draws an empty card in the middle of `area`, as large as is asked for or as there is room for, and returns what is within.
pub fn card(theme: Theme, frame: &mut Frame, area: Rect, size: (u16, u16), title: &str, foot: &str) -> Rect {
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height);
    let room = usize::from(width.saturating_sub(4));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(Role::Accent))
        .style(theme.style(Role::Popup))
        .title_top(Line::styled(format!(" {} ", wrap::cut(title, room)), theme.style(Role::Strong)))
        .title_bottom(Line::styled(format!(" {} ", wrap::cut(foot, room)), theme.style(Role::Dim)).right_aligned())
        .padding(Padding::ZERO);
    let within = block.inner(place).inner(Margin::new(2, 1));
    // What lies beside a card that is cut in half would show: half of a wide letter.
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    within
}
