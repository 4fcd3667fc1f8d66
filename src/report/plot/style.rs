//! Colours and sizes. The series colours are Paul Tol's *bright* scheme, which colour-blind people can tell apart.

use plotters::style::RGBColor;

use crate::wire::Protocol;

/// Width and height of a picture in pixels.
pub(super) const SIZE: (u32, u32) = (1400, 800);
/// Each pixel is drawn so many times as wide and as high, and averaged: smooth edges and evenly spaced letters.
pub(super) const OVERSAMPLING: u32 = 2;

pub(super) const PAPER: RGBColor = RGBColor(255, 255, 255);
pub(super) const INK: RGBColor = RGBColor(34, 40, 49);
pub(super) const MUTED: RGBColor = RGBColor(104, 113, 125);
pub(super) const AXIS: RGBColor = RGBColor(158, 166, 176);
pub(super) const GRID: RGBColor = RGBColor(230, 233, 237);
pub(super) const SHADE: RGBColor = RGBColor(253, 243, 234);
pub(super) const SHADE_INK: RGBColor = RGBColor(166, 92, 38);
pub(super) const DOWN: RGBColor = RGBColor(196, 201, 207);

pub(super) const BLUE: RGBColor = RGBColor(68, 119, 170);
pub(super) const RED: RGBColor = RGBColor(238, 102, 119);
pub(super) const GREEN: RGBColor = RGBColor(34, 136, 51);
pub(super) const YELLOW: RGBColor = RGBColor(204, 187, 68);
pub(super) const CYAN: RGBColor = RGBColor(102, 204, 238);
pub(super) const PURPLE: RGBColor = RGBColor(170, 51, 119);
pub(super) const INDIGO: RGBColor = RGBColor(51, 34, 136);
pub(super) const GREY: RGBColor = RGBColor(150, 150, 150);
// From his *vibrant* and *muted* schemes, where there are more things than bright colours.
const ORANGE: RGBColor = RGBColor(238, 119, 51);
const TEAL: RGBColor = RGBColor(68, 170, 153);
const WINE: RGBColor = RGBColor(136, 34, 85);

/// Colours of things of one kind, most distinct first.
pub(super) const SERIES: [RGBColor; 8] = [BLUE, RED, GREEN, YELLOW, CYAN, PURPLE, INDIGO, GREY];

/// Colours of the protocols, by number.
pub(super) const PROTOCOLS: [RGBColor; 12] = [GREY, GREEN, PURPLE, BLUE, CYAN, RED, INDIGO, YELLOW, TEAL, ORANGE, WINE, INK];
const _: () = assert!(Protocol::COUNT <= PROTOCOLS.len(), "each protocol has a colour of its own");

pub(super) const TITLE: f64 = 31.0;
pub(super) const HEADING: f64 = 20.0;
pub(super) const TEXT: f64 = 17.0;
pub(super) const SMALL: f64 = 15.5;
