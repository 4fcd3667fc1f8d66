//! What a direction does to many frames, against what the model says.

use super::*;
use crate::scenario::{Latency, LinkSpec, Reorder};

const NAME: DirectionName = DirectionName { seed: 1, from: 2, to: 3, kind: 0, number: 4 };
const FRAMES: usize = 100_000;

fn params(spec: LinkSpec) -> LinkParams {
    LinkParams::compile(&spec, None, std::iter::empty())
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Verdicts on so many frames, one a second.
fn verdicts(spec: LinkSpec, service: Service, frames: usize) -> Vec<(Instant, Verdict)> {
    let params = params(spec);
    let mut direction = Direction::new(NAME, 0);
    let at = |frame: usize| Instant::from_nanos(frame as u64 * 1_000_000_000);
    (0..frames).map(|frame| (at(frame), direction.transmit(&params, service, Weather::Clear, at(frame), 100))).collect()
}

fn latencies(spec: LinkSpec) -> Vec<f64> {
    let latency = |(at, verdict)| match verdict {
        Verdict::Once(arrival) => arrival.since(at).as_secs_f64() * 1e3,
        other => panic!("{other:?}"),
    };
    let mut drawn: Vec<f64> = verdicts(spec, Service::Datagram, FRAMES).into_iter().map(latency).collect();
    drawn.sort_by(f64::total_cmp);
    drawn
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn loss_share(loss: Loss) -> f64 {
    let verdicts = verdicts(LinkSpec { loss, ..LinkSpec::default() }, Service::Datagram, FRAMES);
    verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Lost(Lost::Chance)).count() as f64 / FRAMES as f64
}

#[test]
fn a_plain_link_draws_nothing_and_a_direction_is_small() {
    let mut direction = Direction::new(NAME, 0);
    let before = direction.stream;
    let verdict = direction.transmit(&params(LinkSpec::default()), Service::Stream, Weather::Clear, Instant::ZERO, 100);
    assert_eq!(verdict, Verdict::Once(Instant::ZERO + millis(5)));
    assert_eq!(direction.stream, before);
    assert!(size_of::<Direction>() <= 48, "{}", size_of::<Direction>());
}

#[test]
fn latencies_are_distributed_as_asked() {
    let spec = |latency| LinkSpec { latency, ..LinkSpec::default() };
    let uniform = latencies(spec(Latency::Uniform(millis(10), millis(20))));
    assert!(uniform[0] >= 10.0 && uniform[FRAMES - 1] <= 20.0 && (mean(&uniform) - 15.0).abs() < 0.05);

    let normal = latencies(spec(Latency::Normal(millis(45), millis(10))));
    let centre = mean(&normal);
    let deviation = (normal.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / FRAMES as f64).sqrt();
    assert!((centre - 45.0).abs() < 0.2 && (deviation - 10.0).abs() < 0.2, "{centre} {deviation}");
    assert!(normal[0] >= 1.0, "what would come too early is cut off at 1 ms");

    let log_normal = latencies(spec(Latency::LogNormal(millis(30), 0.5)));
    assert!((log_normal[FRAMES / 2] - 30.0).abs() < 0.3);
    // The 84.13th percentile lies one deviation of the logarithm above the median.
    assert!((log_normal[FRAMES * 8413 / 10_000] - 30.0 * 0.5_f64.exp()).abs() < 0.6);

    let jitter = latencies(LinkSpec { jitter: millis(4), ..spec(Latency::Constant(millis(5))) });
    assert!(jitter[0] >= 5.0 && jitter[FRAMES - 1] <= 9.0 && (mean(&jitter) - 7.0).abs() < 0.02);
}

#[test]
fn losses_are_as_many_as_the_model_says() {
    assert!((loss_share(Loss::Independent(0.1)) - 0.1).abs() < 0.003);
    assert_eq!(loss_share(Loss::Independent(1.0)), 1.0);
    let (to_bad, to_good, loss_good, loss_bad) = (0.02, 0.2, 0.01, 0.7);
    let bad = to_bad / (to_bad + to_good);
    let analytic = bad * loss_bad + (1.0 - bad) * loss_good;
    let share = loss_share(Loss::GilbertElliott { to_bad, to_good, loss_good, loss_bad });
    assert!((share - analytic).abs() < 0.006, "{share} against {analytic}");
}

#[test]
fn bursts_are_as_long_as_the_model_says() {
    let loss = Loss::GilbertElliott { to_bad: 0.01, to_good: 0.25, loss_good: 0.0, loss_bad: 1.0 };
    let verdicts = verdicts(LinkSpec { loss, ..LinkSpec::default() }, Service::Datagram, FRAMES);
    let lost: Vec<bool> = verdicts.iter().map(|(_, verdict)| *verdict == Verdict::Lost(Lost::Chance)).collect();
    let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let length = lost.iter().filter(|lost| **lost).count() as f64 / bursts as f64;
    assert!((length - 4.0).abs() < 0.3, "a mean of {length} frames instead of 1 / 0.25");
}

#[test]
fn the_first_frame_of_many_links_is_lost_as_often_as_any() {
    let loss = Loss::GilbertElliott { to_bad: 0.1, to_good: 0.3, loss_good: 0.0, loss_bad: 1.0 };
    let params = params(LinkSpec { loss, ..LinkSpec::default() });
    let lost = (0..20_000).filter(|number| {
        let mut direction = Direction::new(DirectionName { number: *number, ..NAME }, 0);
        direction.transmit(&params, Service::Datagram, Weather::Clear, Instant::ZERO, 1) == Verdict::Lost(Lost::Chance)
    });
    let share = lost.count() as f64 / 20_000.0;
    assert!((share - 0.25).abs() < 0.015, "{share}");
}

#[test]
fn a_burst_comes_on_top_and_a_blocked_way_draws_nothing() {
    let params = params(LinkSpec { loss: Loss::Independent(0.5), ..LinkSpec::default() });
    let mut direction = Direction::new(NAME, 0);
    let burst = Loss::Independent(0.5);
    let lost = (0..FRAMES).filter(|_| {
        let weather = Weather::Lossy([Some(&burst), None]);
        direction.transmit(&params, Service::Stream, weather, Instant::ZERO, 1) == Verdict::Stalled(Lost::Chance)
    });
    let share = lost.count() as f64 / FRAMES as f64;
    assert!((share - 0.75).abs() < 0.01, "{share}");
    let before = direction.stream;
    let verdict = direction.transmit(&params, Service::Datagram, Weather::Blocked, Instant::ZERO, 1);
    assert_eq!((verdict, direction.stream), (Verdict::Lost(Lost::Blocked), before));
}

#[test]
fn a_rate_queues_frames_and_a_full_queue_loses_datagrams_or_breaks_streams() {
    let spec = LinkSpec { rate: Some(1000), queue: 500, ..LinkSpec::default() };
    let params = params(spec);
    let send = |service| {
        let mut direction = Direction::new(NAME, 0);
        move |bytes| direction.transmit(&params, service, Weather::Clear, Instant::ZERO, bytes)
    };
    let mut datagram = send.clone()(Service::Datagram);
    let after = |seconds: f64| Verdict::Once(Instant::ZERO + Duration::from_secs_f64(seconds) + millis(5));
    assert_eq!([datagram(100), datagram(400), datagram(200)], [after(0.1), after(0.5), after(0.7)]);
    assert_eq!(datagram(1), Verdict::Lost(Lost::QueueFull));
    let mut stream = send(Service::Stream);
    assert_eq!([stream(700), stream(100)], [after(0.7), after(0.8)]);
    assert!(matches!(stream(STALL_BYTES as usize), Verdict::Once(_)));
    assert_eq!(stream(1), Verdict::Overflow);
}

#[test]
fn a_queue_as_long_as_can_be_written_holds_everything() {
    for queue in [1 << 40, 1 << 60, u64::MAX] {
        let params = params(LinkSpec { rate: Some(100_000), queue, ..LinkSpec::default() });
        let mut direction = Direction::new(NAME, 0);
        let mut send = || direction.transmit(&params, Service::Datagram, Weather::Clear, Instant::ZERO, 1000);
        assert!((0..100).all(|_| matches!(send(), Verdict::Once(_))), "{queue}");
    }
}

#[test]
fn frames_are_duplicated_and_held_back_as_asked() {
    let spec = LinkSpec { duplicate: 0.2, reorder: Reorder { probability: 0.1, delay: millis(50) }, ..LinkSpec::default() };
    let datagrams = verdicts(spec.clone(), Service::Datagram, FRAMES);
    let twice = datagrams.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Twice(..))).count() as f64 / FRAMES as f64;
    let late = |(at, verdict): &(Instant, Verdict)| matches!(verdict, Verdict::Once(arrival) if arrival.since(*at) == millis(55));
    let once = datagrams.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Once(_))).count() as f64;
    let held_back = datagrams.iter().filter(|datagram| late(datagram)).count() as f64 / once;
    assert!((twice - 0.2).abs() < 0.005 && (held_back - 0.1).abs() < 0.005, "{twice} {held_back}");
    assert!(verdicts(spec, Service::Stream, 1000).iter().all(|(_, verdict)| matches!(verdict, Verdict::Once(_))));
}

#[test]
fn time_outs_double_up_to_a_minute() {
    assert_eq!([0, 1, 5].map(retransmission_timeout), [millis(200), millis(400), millis(6400)]);
    assert_eq!(retransmission_timeout(40), Duration::from_secs(60));
}
