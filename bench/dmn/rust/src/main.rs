//! zen_bench FOLDER OUT.jsonl [SECONDS] [ROUNDS] [ONLY]
//!
//! Runs the tables (JDM files) and expressions of cases.tsv in ZEN, precompiled, as bench/dmn/dmn_bench.cc
//! runs them in Credence: inputs are read in blocks before the clock runs; answers become text and a
//! checksum by the rules of bench/dmn/answer.h.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::time::Instant;
use zen_engine::model::DecisionContent;
use zen_engine::{Decision, EvaluationOptions};
use zen_expression::expression::{Expression, Standard};
use zen_expression::vm::VM;
use zen_expression::{compile_expression, Variable};

const BLOCK: usize = 1024;
/// A case that does not answer its checked inputs in this time is given up.
const CAP_SECONDS: f64 = 20.0;

fn round_digits(plain: &str) -> String {
    let (negative, plain) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let mut point = whole.len();
    let Some(first) = digits.iter().position(|d| *d != b'0') else {
        return "0".into();
    };
    let end = first + 10;
    if end < digits.len() {
        let up = digits[end] >= b'5';
        digits[end..].fill(b'0');
        let mut at = end;
        while up && at > 0 && digits[at - 1] == b'9' {
            at -= 1;
            digits[at] = b'0';
        }
        if up && at == 0 {
            digits.insert(0, b'1');
            point += 1;
        } else if up {
            digits[at - 1] += 1;
        }
    }
    let text = String::from_utf8(digits).unwrap();
    let fraction = text[point..].trim_end_matches('0');
    let whole = text[..point].trim_start_matches('0');
    format!(
        "{}{}{}{}",
        if negative { "-" } else { "" },
        if whole.is_empty() { "0" } else { whole },
        if fraction.is_empty() { "" } else { "." },
        fraction
    )
}

fn answer(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => {
            let text = n.to_string();
            match text.contains(['e', 'E']) {
                true => round_digits(&format!("{:.20}", text.parse::<f64>().unwrap())),
                false => round_digits(&text),
            }
        }
        Value::String(s) => s.clone(),
        Value::Array(items) if items.is_empty() => "null".into(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(answer).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) if members.is_empty() => "null".into(),
        // A table with one output column gives its value, as DMN has it.
        Value::Object(members) if members.len() == 1 => answer(members.values().next().unwrap()),
        Value::Object(members) => {
            let mut parts: Vec<String> =
                members.iter().map(|(k, v)| format!("{}:{}", k, answer(v))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
    }
}

struct Checksum(u64);
impl Checksum {
    fn add(&mut self, line: &str) {
        for byte in line.bytes().chain([b'\n']) {
            self.0 = (self.0 ^ byte as u64).wrapping_mul(0x100000001b3);
        }
    }
}

enum Logic {
    Table(Decision),
    Text(Expression<Standard>),
}

impl Logic {
    fn evaluate(&self, runtime: &tokio::runtime::Runtime, vm: &mut VM, input: Variable, trace: bool) -> Variable {
        match self {
            Logic::Table(decision) => {
                let options = EvaluationOptions { trace, ..Default::default() };
                let response = runtime
                    .block_on(decision.evaluate_with_opts(input, options))
                    .expect("the table evaluates");
                std::hint::black_box(&response.trace);
                response.result
            }
            Logic::Text(expression) => expression.evaluate_with(input, vm).unwrap_or(Variable::Null),
        }
    }
}

fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn read(line: &str) -> Variable {
    serde_json::from_str::<Value>(line).expect("a line is JSON").into()
}

fn join(numbers: &[f64]) -> String {
    numbers.iter().map(|n| format!("{:.1}", n)).collect::<Vec<_>>().join(",")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = &arguments[1];
    let seconds: f64 = arguments.get(3).map_or(0.3, |s| s.parse().unwrap());
    let rounds: usize = arguments.get(4).map_or(5, |s| s.parse().unwrap());
    let only = arguments.get(5).map_or("", |s| s.as_str());
    let mut out = fs::OpenOptions::new().create(true).append(true).open(&arguments[2]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for case in fs::read_to_string(format!("{folder}/cases.tsv")).unwrap().lines() {
        let fields: Vec<&str> = case.split('\t').collect();
        let (id, group, jdm, inputs, zen) = (fields[0], fields[1], fields[4], fields[5], fields[8]);
        if !id.contains(only) {
            continue;
        }
        let checked: usize = fields[6].parse().unwrap();
        let note = |text: &str| {
            format!("{{\"peer\":\"zen\",\"case\":\"{id}\",\"group\":\"{group}\",\"mode\":\"plain\",\"note\":\"{text}\"}}")
        };
        let logic = if jdm != "-" {
            let text = fs::read_to_string(format!("{folder}/{jdm}")).unwrap();
            let content: DecisionContent = serde_json::from_str(&text).expect("a JDM file");
            let graph = content.as_graph().expect("a graph").clone();
            let mut decision = Decision::from(graph);
            decision.compile();
            Logic::Table(decision)
        } else if group == "lending" {
            writeln!(out, "{}", note("reads its own format (JDM), not DMN")).unwrap();
            continue;
        } else if zen == "-" {
            writeln!(out, "{}", note("its language has no such expression")).unwrap();
            continue;
        } else {
            match compile_expression(zen) {
                Ok(expression) => Logic::Text(expression),
                Err(_) => {
                    writeln!(out, "{}", note("its parser refuses the expression")).unwrap();
                    continue;
                }
            }
        };
        let file = fs::read_to_string(format!("{folder}/{inputs}")).unwrap();
        let lines: Vec<&str> = file.lines().collect();
        let modes: &[bool] = if group == "expression" { &[false] } else { &[false, true] };
        let mut vm = VM::new();
        let mut at = 0;
        for &trace in modes {
            let mut checksum = Checksum(0xcbf29ce484222325);
            let begin = Instant::now();
            let mut done = 0;
            for line in lines.iter().take(checked) {
                let result = logic.evaluate(&runtime, &mut vm, read(line), trace);
                checksum.add(&answer(&result.to_value()));
                done += 1;
                if begin.elapsed().as_secs_f64() > CAP_SECONDS {
                    break;
                }
            }
            if done < checked.min(lines.len()) {
                writeln!(out, "{}", note("slower than the time given")).unwrap();
                break;
            }
            let block = ((seconds / (begin.elapsed().as_secs_f64() / checked as f64)) as usize).clamp(1, BLOCK);
            let (mut cpu, mut wall) = (vec![], vec![]);
            for round in 0..=rounds {
                let (mut cpu_sum, mut wall_sum, mut count) = (0.0, 0.0, 0);
                while cpu_sum < seconds {
                    let values: Vec<Variable> =
                        (0..block).map(|i| read(lines[(at + i) % lines.len()])).collect();
                    at += block;
                    let (wall_begin, cpu_begin) = (Instant::now(), cpu_seconds());
                    for value in values {
                        std::hint::black_box(logic.evaluate(&runtime, &mut vm, value, trace));
                    }
                    cpu_sum += cpu_seconds() - cpu_begin;
                    wall_sum += wall_begin.elapsed().as_secs_f64();
                    count += block;
                }
                if round > 0 {
                    cpu.push(cpu_sum * 1e9 / count as f64);
                    wall.push(wall_sum * 1e9 / count as f64);
                }
            }
            let mode = if trace { "explain" } else { "plain" };
            let line = format!(
                "{{\"peer\":\"zen\",\"case\":\"{id}\",\"group\":\"{group}\",\"mode\":\"{mode}\",\"cpu_ns\":[{}],\"wall_ns\":[{}],\"checksum\":\"{:016x}\"}}",
                join(&cpu), join(&wall), checksum.0
            );
            eprintln!("{line}");
            writeln!(out, "{line}").unwrap();
        }
    }
}
