#include "apps/decision_text.h"

#include <fmt/format.h>

#include "apps/terminal.h"

namespace credence::apps {

namespace {

// The texts of a code in the languages asked for.
template <class Text>
std::string Texts(std::string_view language, Text text) {
  std::string english(text(pack::Language::kEnglish));
  std::string chinese(text(pack::Language::kChinese));
  if (language == "en") return english;
  if (language == "zh") return chinese;
  return english == chinese ? english : english + " / " + chinese;
}

}  // namespace

std::string DecisionText(const record::DecisionRecord& decision, std::string_view event,
                         const pack::Pack& pack, std::string_view language) {
  const decision::DecisionPlan& plan = pack.decisions[decision.decision];
  std::string text = fmt::format("{}  {}  event {}  {}\n", decision.Id(), plan.name, event,
                                 decision.time.ToString());
  const auto line = [&](std::string_view what, const std::string& value) {
    text += fmt::format("  {:<12}{}\n", what, value);
  };
  if (decision.path == record::DecisionPath::kParked) {
    line("waits for", decision.needs);
    return text;
  }
  line("outcome", decision.outcome + "  " + Texts(language, [&](pack::Language l) {
                    return pack.OutcomeText(decision.outcome, l);
                  }));
  if (decision.path == record::DecisionPath::kFallback) line("fallback", decision.failure);
  if (decision.path == record::DecisionPath::kKillSwitch)
    line("note", "the decision is switched off by an operator");
  if (decision.probability_of_default) {
    line("default",
         fmt::format("probability {}, {} points", decision.probability_of_default->ToString(),
                     decision.score->ToString()));
  }
  if (decision.limit)
    line("limit", decision.limit->ToString() + " " + std::string(decision.limit->currency.code()));
  if (!decision.offer.empty()) line("offer", decision.offer);
  for (size_t i = 0; i < decision.reasons.size(); ++i) {
    const std::string& code = decision.reasons[i];
    line(i == 0 ? "reasons" : "",
         code + "  " + Texts(language, [&](pack::Language l) { return pack.ReasonText(code, l); }));
  }
  std::string rules;
  for (const auto& matched : decision.matched_rules) {
    rules += fmt::format("{}{} row {}", rules.empty() ? "" : ", ", matched.table, matched.rule);
  }
  if (!rules.empty()) line("rules", rules);
  return text;
}

std::string SlotsText(const record::DecisionRecord& decision, const pack::Pack& pack) {
  const decision::DecisionPlan& plan = pack.decisions[decision.decision];
  std::vector<std::vector<std::string>> rows;
  for (const record::SlotValue& slot : decision.slots) {
    rows.push_back({"  " + plan.slots.at(slot.slot).name, record::ToString(slot.value)});
  }
  return Table(rows);
}

std::string ExplanationText(const decision::Explanation& explanation) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& step : explanation.steps) {
    std::string value = step.value;
    constexpr size_t kShown = 60;
    if (value.size() > kShown) value = value.substr(0, kShown) + "…";
    rows.push_back({"  " + step.what, value, step.note});
  }
  return Table(rows);
}

}  // namespace credence::apps
