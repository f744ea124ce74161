//! Parts that several drawings share.

use std::time::Duration;

use jiff::Timestamp;

use super::page::Shape;
use super::scale::times;
use crate::clock::{after, until};
use crate::report::duration;

/// Returns where a text at `x` is held, so that it stays within the drawing.
pub fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 12.0 => "start",
        x if x > 88.0 => "end",
        _ => "middle",
    }
}

pub fn text(look: &'static str, x: f64, y: f64, text: impl Into<String>) -> Shape {
    Shape::Text { look, x, y, anchor: anchor(x), text: text.into() }
}

/// Returns an upright line across a drawing.
pub fn upright(look: &'static str, x: f64, y1: f64, y2: f64) -> Shape {
    Shape::Line { look, x1: x, y1, x2: x, y2 }
}

/// A stretch of time along the width of a drawing.
#[derive(Clone, Copy, Debug)]
pub struct Clockface {
    pub begin: Timestamp,
    pub span: Duration,
}

impl Clockface {
    /// Makes one that is never empty, so that everything has a place.
    pub fn new(begin: Timestamp, end: Timestamp) -> Self {
        Self { begin, span: until(begin, end).max(Duration::from_millis(1)) }
    }

    /// Returns the place of a time, in percent.
    pub fn at(&self, time: Timestamp) -> f64 {
        let share = until(self.begin, time).as_secs_f64() / self.span.as_secs_f64();
        share.clamp(0.0, 1.0) * 100.0
    }

    /// Marks round times from the beginning on: a line from `top` to `bottom`, and the time below it.
    pub fn axis(&self, top: f64, bottom: f64) -> Vec<Shape> {
        let mark = |time: Duration| {
            let x = self.at(after(self.begin, time));
            let name = if time.is_zero() { "start".to_owned() } else { duration(time) };
            [upright("grid", x, top, bottom), text("tick", x, bottom + 16.0, name)]
        };
        times(self.span, 4).into_iter().flat_map(mark).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_within_the_drawing() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let face = Clockface::new(at(100), at(300));
        assert_eq!(
            [at(0), at(100), at(200), at(300), at(900)].map(|time| face.at(time)),
            [0.0, 0.0, 50.0, 100.0, 100.0]
        );
        let empty = Clockface::new(at(100), at(100));
        assert_eq!(empty.at(at(100)), 0.0);
        assert!(!empty.axis(0.0, 10.0).is_empty());
    }

    #[test]
    fn texts_at_the_edges_are_held_there() {
        assert_eq!([0.0, 50.0, 100.0].map(anchor), ["start", "middle", "end"]);
    }
}
