// products.yaml: the chart of accounts, posting templates, limits, loans, and what events command.

#include <algorithm>
#include <array>

#include "src/pack/loader.h"
#include "src/pack/loan_product.h"
#include "src/pack/products.h"

namespace credence::pack {

namespace {

enum class Of : uint8_t { kLimit, kLoan, kPosting };
enum class Wants : uint8_t { kNo, kMay, kMust };
struct ActionDecl {
  MoneyAction action;
  std::string_view name;
  Of of;
  bool owner;  // the event must say whose limit or loan it is; else the hold or the loan does
  bool named;  // by a field: the hold, the loan, what is pending
  Wants amount;
  bool takes_all;  // money comes in: its posting must book all of it
};
// In the order of their values.
constexpr std::array<ActionDecl, 28> kMoneyActions{
    {{MoneyAction::kGrant, "grant", Of::kLimit, true, false, Wants::kMust, false},
     {MoneyAction::kFreeze, "freeze", Of::kLimit, true, false, Wants::kNo, false},
     {MoneyAction::kUnfreeze, "unfreeze", Of::kLimit, true, false, Wants::kNo, false},
     {MoneyAction::kHold, "hold", Of::kLimit, true, true, Wants::kMust, false},
     {MoneyAction::kCapture, "capture", Of::kLimit, false, true, Wants::kMay, false},
     {MoneyAction::kRelease, "release", Of::kLimit, false, true, Wants::kNo, false},
     {MoneyAction::kRestore, "restore", Of::kLimit, true, false, Wants::kMust, false},
     {MoneyAction::kLend, "lend", Of::kLoan, true, true, Wants::kMust, false},
     {MoneyAction::kRepay, "repay", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kPrepayFewer, "prepay_fewer", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kPrepaySmaller, "prepay_smaller", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kPayOff, "pay_off", Of::kLoan, false, true, Wants::kMay, true},
     {MoneyAction::kMerchantReturn, "merchant_return", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kWriteOff, "write_off", Of::kLoan, false, true, Wants::kNo, false},
     {MoneyAction::kRecover, "recover", Of::kLoan, false, true, Wants::kMust, false},
     {MoneyAction::kCharge, "charge", Of::kLoan, false, true, Wants::kMust, false},
     {MoneyAction::kPost, "post", Of::kPosting, false, false, Wants::kMust, false},
     {MoneyAction::kPend, "pend", Of::kPosting, false, true, Wants::kMust, false},
     {MoneyAction::kSettle, "settle", Of::kPosting, false, true, Wants::kMay, false},
     {MoneyAction::kVoid, "void", Of::kPosting, false, true, Wants::kNo, false},
     {MoneyAction::kChargeback, "chargeback", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kMerchantRefund, "merchant_refund", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kPayoutRefund, "payout_refund", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kGoodwill, "goodwill", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kRefundOverpaid, "refund_overpaid", Of::kLoan, false, true, Wants::kMust, true},
     {MoneyAction::kWaiveCharges, "waive_charges", Of::kLoan, false, true, Wants::kMust, false},
     {MoneyAction::kWaiveInterest, "waive_interest", Of::kLoan, false, true, Wants::kMust, false},
     {MoneyAction::kTerminate, "terminate", Of::kLoan, false, true, Wants::kNo, false}}};
const ActionDecl& DeclOf(MoneyAction action) {
  return kMoneyActions.at(static_cast<size_t>(action) - 1);
}
std::string_view NamedBy(Of of) {
  return of == Of::kLimit ? "hold" : of == Of::kLoan ? "loan" : "pending posting";
}

struct LimitSlot {
  std::string_view name;
  MoneySlotKind kind;
  record::SlotType type;
};
constexpr std::array<LimitSlot, 6> kLimitSlots{
    {{"headroom", MoneySlotKind::kHeadroom, record::SlotType::kMoney},
     {"exposure", MoneySlotKind::kExposure, record::SlotType::kMoney},
     {"granted", MoneySlotKind::kGranted, record::SlotType::kMoney},
     {"committed", MoneySlotKind::kCommitted, record::SlotType::kMoney},
     {"held", MoneySlotKind::kHeld, record::SlotType::kMoney},
     {"frozen", MoneySlotKind::kFrozen, record::SlotType::kBoolean}}};
constexpr std::array<LimitSlot, 4> kLoanSlots{
    {{"outstanding", MoneySlotKind::kOutstanding, record::SlotType::kMoney},
     {"overdue", MoneySlotKind::kOverdue, record::SlotType::kMoney},
     {"days_past_due", MoneySlotKind::kDaysPastDue, record::SlotType::kInteger},
     {"open", MoneySlotKind::kOpenLoans, record::SlotType::kInteger}}};

// The node as text that is equal for equal content, for digests.
void AppendCanonical(const Node& node, std::string* out) {
  const auto text = [out](const std::string& t) { *out += std::to_string(t.size()) + ":" + t; };
  if (node.kind == Node::Kind::kScalar) return text(node.text);
  *out += node.kind == Node::Kind::kList ? "[" : "{";
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (node.kind == Node::Kind::kMap) text(node.keys[i].text);
    AppendCanonical(node.items[i], out);
  }
  *out += node.kind == Node::Kind::kList ? "]" : "}";
}

}  // namespace

std::string_view MoneyActionName(MoneyAction action) { return DeclOf(action).name; }

std::string MoneyCommandName(const MoneyPlan& plan, const MoneyBinding& binding) {
  const ActionDecl& decl = DeclOf(binding.action);
  const std::string name = std::string(decl.name) + " ";
  if (decl.of == Of::kPosting) return name + binding.post;
  if (decl.of == Of::kLimit) return name + plan.limits[binding.target].name;
  return name + plan.loans[binding.target].product->name;
}

std::vector<std::string> AmountsOf(MoneyAction action) {
  if (action == MoneyAction::kLend) return {"principal"};
  if (DeclOf(action).of == Of::kLoan)
    return {"principal", "interest", "fee", "penalty", "overpaid"};
  return {"amount"};
}

std::optional<MoneySlotDecl> FindMoneySlot(const MoneyPlan& plan, std::string_view name) {
  if (name.starts_with("loan.") && plan.borrower) {
    for (const LimitSlot& slot : kLoanSlots) {
      if (name.substr(5) == slot.name)
        return MoneySlotDecl{slot.kind, slot.type, 0, *plan.borrower};
    }
  }
  if (!name.starts_with("limit.")) return std::nullopt;
  for (uint32_t i = 0; i < plan.limits.size(); ++i) {
    const std::string prefix = "limit." + plan.limits[i].name + ".";
    if (!name.starts_with(prefix)) continue;
    for (const LimitSlot& slot : kLimitSlots) {
      if (name.substr(prefix.size()) == slot.name) {
        return MoneySlotDecl{slot.kind, slot.type, i, plan.limits[i].entity};
      }
    }
  }
  return std::nullopt;
}

std::vector<std::string> MoneySlotNames(const MoneyPlan& plan) {
  std::vector<std::string> names;
  for (const LimitDecl& limit : plan.limits) {
    for (const LimitSlot& slot : kLimitSlots) {
      names.push_back("limit." + limit.name + "." + std::string(slot.name));
    }
  }
  if (!plan.borrower) return names;
  for (const LimitSlot& slot : kLoanSlots) names.push_back("loan." + std::string(slot.name));
  return names;
}

class Loader::MoneyReader {
 public:
  explicit MoneyReader(Loader* loader)
      : loader_(*loader),
        reporter_(loader->Path("products.yaml"), loader->diagnostics_),
        schema_(loader->pack_->schema),
        plan_(loader->pack_->money) {}

  void Read(const Node& root) {
    MapReader map(root, "products.yaml", &reporter_);
    if (const Node* node = map.Take("chart")) ReadChart(*node);
    const Node* postings = map.Take("postings");
    if (postings != nullptr) ReadPostings(*postings);
    CompilePostings(postings != nullptr ? *postings : root);
    if (const Node* node = map.Take("limits")) ReadLimits(*node);
    if (const Node* node = map.Take("loans")) ReadLoans(*node);
    plan_.bindings.resize(schema_.event_types.size());
    if (const Node* node = map.Take("on")) ReadBindings(*node);
    map.Finish();
  }

 private:
  bool IsMap(const Node& node, const std::string& what, size_t most) {
    if (node.kind == Node::Kind::kMap && node.items.size() <= most) return true;
    reporter_.Error(node, "wrong-type",
                    what + ": expected a map of at most " + std::to_string(most) + " entries");
    return false;
  }
  bool IsList(const Node& node, const std::string& what, size_t most) {
    if (node.kind == Node::Kind::kList && node.items.size() <= most) return true;
    reporter_.Error(node, "wrong-type",
                    what + ": expected a list of at most " + std::to_string(most) + " items");
    return false;
  }
  std::optional<uint32_t> ReadEntity(const Node& node) {
    if (const auto index = schema_.EntityIndex(node.text)) return index;
    std::vector<std::string> names;
    for (const auto& entity : schema_.entities) names.push_back(entity.name);
    reporter_.Unknown(node, "entity", node.text, names);
    return std::nullopt;
  }

  // --- chart and postings ---

  void ReadChart(const Node& node) {
    if (!IsMap(node, "chart", kRolesMax)) return;
    for (size_t i = 0; i < node.items.size(); ++i) {
      RoleDecl role;
      role.name = ReadName(node.keys[i], "role", false, &reporter_).value_or("");
      const std::string what = "chart, " + role.name;
      MapReader map(node.items[i], what, &reporter_);
      if (const Node* code = map.Require("code")) {
        role.code = static_cast<uint16_t>(
            ReadInteger(*code, what + ", code", 1, 65535, &reporter_).value_or(1));
      }
      ledger::ChartEntry entry;
      if (const Node* normal = map.Require("normal")) {
        if (normal->text == "credit") {
          entry.normal = ledger::Side::kCredit;
        } else if (normal->text != "debit") {
          reporter_.Error(*normal, "wrong-type", what + ", normal: expected debit or credit");
        }
      }
      if (const Node* per = map.Take("per")) {
        role.per = per->text == "loan" ? RoleDecl::Per::kLoan : RoleDecl::Per::kEntity;
        if (role.per == RoleDecl::Per::kEntity) role.entity = ReadEntity(*per).value_or(0);
      }
      if (const Node* flag = map.Take("never_overdrawn");
          flag != nullptr &&
          ReadFlag(*flag, what + ", never_overdrawn", &reporter_).value_or(false)) {
        role.flags = entry.normal == ledger::Side::kDebit
                         ? ledger::account_flag::kCreditsMustNotExceedDebits
                         : ledger::account_flag::kDebitsMustNotExceedCredits;
      }
      map.Finish();
      entry.role = role.name;
      entry.code = role.code;
      entry.flags = role.flags;
      chart_.push_back(entry);
      plan_.roles.push_back(std::move(role));
    }
  }

  struct TemplateUse {
    std::string name;
    std::vector<std::string> amounts;
    std::vector<std::string> roles;
  };

  void ReadPostings(const Node& node) {
    if (!IsMap(node, "postings", ledger::PostingBook::kTemplatesMax)) return;
    for (size_t i = 0; i < node.items.size(); ++i) {
      ledger::PostingTemplate posting;
      posting.name = ReadName(node.keys[i], "posting", false, &reporter_).value_or("");
      const std::string what = "posting " + posting.name;
      TemplateUse use{posting.name, {}, {}};
      MapReader map(node.items[i], what, &reporter_);
      if (const Node* code = map.Require("code")) {
        posting.code = static_cast<uint16_t>(
            ReadInteger(*code, what + ", code", 1, 65535, &reporter_).value_or(1));
      }
      if (const Node* legs = map.Require("legs");
          legs != nullptr && IsList(*legs, what + ", legs", ledger::PostingBook::kLegsMax)) {
        for (const Node& leg : legs->items) ReadLeg(leg, what, &posting, &use);
      }
      map.Finish();
      plan_.posting_names[posting.code] = posting.name;
      templates_.push_back(std::move(posting));
      uses_.push_back(std::move(use));
    }
  }

  void ReadLeg(const Node& node, const std::string& what, ledger::PostingTemplate* posting,
               TemplateUse* use) {
    MapReader map(node, what + ", leg", &reporter_);
    ledger::Leg leg;
    const Node* debit = map.Take("debit");
    const Node* credit = map.Take("credit");
    if ((debit == nullptr) == (credit == nullptr)) {
      reporter_.Error(node, "missing-key", what + ": a leg has either 'debit' or 'credit': a role");
    }
    leg.side = credit != nullptr ? ledger::Side::kCredit : ledger::Side::kDebit;
    if (const Node* role = credit != nullptr ? credit : debit) {
      leg.role = ReadName(*role, what + ", role", false, &reporter_).value_or("");
    }
    if (const Node* amounts = map.Require("amounts");
        amounts != nullptr && IsList(*amounts, what + ", amounts", 16)) {
      for (const Node& amount : amounts->items) {
        leg.amounts.push_back(ReadName(amount, what + ", amount", false, &reporter_).value_or(""));
        use->amounts.push_back(leg.amounts.back());
      }
    }
    map.Finish();
    use->roles.push_back(leg.role);
    posting->legs.push_back(std::move(leg));
  }

  void CompilePostings(const Node& at) {
    std::vector<Diagnostic> found;
    plan_.postings = ledger::PostingBook::Compile(chart_, templates_, &found);
    for (Diagnostic& diagnostic : found) {
      reporter_.Error(at.line, at.column, diagnostic.code, diagnostic.message, diagnostic.hint);
    }
  }

  // --- limits and loans ---

  void ReadLimits(const Node& node) {
    if (!IsMap(node, "limits", kLimitsMax)) return;
    for (size_t i = 0; i < node.items.size(); ++i) {
      LimitDecl limit;
      limit.name = ReadName(node.keys[i], "limit", false, &reporter_).value_or("");
      MapReader map(node.items[i], "limit " + limit.name, &reporter_);
      if (const Node* of = map.Require("of")) limit.entity = ReadEntity(*of).value_or(0);
      if (const Node* within = map.Take("within")) {
        // Only limits that stand before it: so there are no circles.
        limit.within = FindLimit(*within);
      }
      map.Finish();
      plan_.limits.push_back(std::move(limit));
    }
  }

  std::optional<uint32_t> FindLimit(const Node& node) {
    std::vector<std::string> names;
    for (uint32_t i = 0; i < plan_.limits.size(); ++i) {
      if (plan_.limits[i].name == node.text) return i;
      names.push_back(plan_.limits[i].name);
    }
    reporter_.Unknown(node, "limit", node.text, names);
    return std::nullopt;
  }

  void ReadLoans(const Node& node) {
    MapReader map(node, "loans", &reporter_);
    if (const Node* of = map.Require("of")) plan_.borrower = ReadEntity(*of);
    if (const Node* products = map.Require("products");
        products != nullptr && IsMap(*products, "loans, products", kLoanProductsMax)) {
      for (size_t i = 0; i < products->items.size(); ++i) {
        ReadLoan(products->keys[i], products->items[i]);
      }
    }
    map.Finish();
  }

  void ReadLoan(const Node& name, const Node& node) {
    LoanDecl loan;
    auto booked = std::make_shared<lending::BookedProduct>();
    booked->name = ReadName(name, "loan product", false, &reporter_).value_or("");
    Node product = node;
    // What is the pack's alone; the rest is the product.
    const auto take = [&product](std::string_view key) -> std::optional<Node> {
      for (size_t i = 0; i < product.keys.size(); ++i) {
        if (product.keys[i].text != key) continue;
        Node taken = std::move(product.items[i]);
        product.keys.erase(product.keys.begin() + static_cast<std::ptrdiff_t>(i));
        product.items.erase(product.items.begin() + static_cast<std::ptrdiff_t>(i));
        return taken;
      }
      return std::nullopt;
    };
    if (const auto limit = take("limit")) loan.limit = FindLimit(*limit);
    if (const auto overdue = take("overdue")) {
      loan.overdue = overdue->text;
      CheckOverdue(*overdue, "loan product " + booked->name + ", overdue", loan.overdue);
    }
    if (product.kind == Node::Kind::kMap) {
      product.keys.push_back(name);
      product.keys.back().text = "product";
      product.items.push_back(name);
    }
    const auto read = ReadLoanProduct(product, schema_.base_currency, &reporter_);
    if (!read) return AddLoan(std::move(loan), std::move(booked));
    if (read->currency != schema_.base_currency) {
      reporter_.Error(node, "wrong-currency",
                      "loan product " + booked->name + ": expected the pack's currency " +
                          std::string(schema_.base_currency.code()));
    }
    if (!read->draws.empty() || !read->rate_steps.empty() || !read->merchant_fee.IsZero()) {
      reporter_.Error(node, "not-here",
                      "loan product " + booked->name +
                          ": draws, rate_steps and merchant_fee describe an offer, not a product "
                          "of a pack");
    }
    booked->product = read->product;
    booked->calendar = read->calendar;
    std::string canonical;
    AppendCanonical(product, &canonical);
    booked->digest = Sha256(canonical);
    AddLoan(std::move(loan), std::move(booked));
  }

  // A timer posts it, and what falls anew is booked anew with whatever made it fall: it has the
  // loan and its borrower, and no account may refuse it.
  void CheckOverdue(const Node& at, const std::string& what, const std::string& posting) {
    static constexpr std::array<std::string_view, 4> kGiven{"principal", "interest", "fee",
                                                            "penalty"};
    std::vector<std::string> names;
    for (const TemplateUse& use : uses_) {
      names.push_back(use.name);
      if (use.name != posting) continue;
      for (const std::string& amount : use.amounts) {
        if (std::find(kGiven.begin(), kGiven.end(), amount) != kGiven.end()) continue;
        reporter_.Error(at, "unknown-name",
                        what + ": the posting " + use.name + " uses the amount '" + amount +
                            "', expected one of principal, interest, fee, penalty");
      }
      for (const std::string& wanted : use.roles) {
        for (const RoleDecl& role : plan_.roles) {
          if (role.name != wanted) continue;
          if (role.per == RoleDecl::Per::kEntity && role.entity != plan_.borrower) {
            reporter_.Error(at, "missing-field",
                            what + ": the role " + role.name +
                                " has an account for each of another entity than the borrower");
          }
          if (role.flags != 0) {
            reporter_.Error(at, "wrong-type",
                            what + ": the role " + role.name +
                                " is never_overdrawn; expected accounts that take any posting");
          }
        }
      }
      return;
    }
    reporter_.Unknown(at, "posting", posting, names);
  }

  void AddLoan(LoanDecl loan, std::shared_ptr<lending::BookedProduct> booked) {
    loan.product = std::move(booked);
    plan_.loans.push_back(std::move(loan));
  }

  // --- what events command ---

  void ReadBindings(const Node& node) {
    if (!IsMap(node, "on", record::kEventTypesMax)) return;
    for (size_t i = 0; i < node.items.size(); ++i) {
      const auto type = schema_.EventTypeIndex(node.keys[i].text);
      if (!type) {
        std::vector<std::string> names;
        for (const auto& event : schema_.event_types) names.push_back(event.name);
        reporter_.Unknown(node.keys[i], "event type", node.keys[i].text, names);
        continue;
      }
      if (!IsList(node.items[i], "on " + node.keys[i].text, kCommandsMax)) continue;
      for (const Node& command : node.items[i].items) ReadBinding(*type, command);
    }
  }

  void ReadBinding(uint32_t event_type, const Node& node) {
    const record::EventType& type = schema_.event_types[event_type];
    MapReader map(node, "on " + type.name, &reporter_);
    MoneyBinding binding;
    const Node* target = nullptr;
    std::vector<std::string> names;
    for (const ActionDecl& action : kMoneyActions) {
      names.emplace_back(action.name);
      if (action.action == MoneyAction::kPost) continue;
      const Node* found = map.Take(action.name);
      if (found == nullptr) continue;
      if (target != nullptr) {
        reporter_.Error(*found, "wrong-key", "on " + type.name + ": expected one action a command");
      }
      target = found;
      binding.action = action.action;
    }
    // `post` beside an action on a limit or a loan is that action's template.
    const Node* post = map.Take("post");
    if (post != nullptr && target == nullptr) {
      target = post;
    } else if (post != nullptr && DeclOf(binding.action).of == Of::kPosting) {
      reporter_.Error(*post, "wrong-key", "on " + type.name + ": expected one action a command");
    } else if (post != nullptr) {
      binding.post = post->text;
    }
    if (target == nullptr) {
      std::string expected;
      for (const std::string& name : names) expected += (expected.empty() ? "" : ", ") + name;
      reporter_.Error(node, "missing-key", "on " + type.name + ": expected one of " + expected);
      return;
    }
    const std::string what =
        "on " + type.name + ", " + std::string(MoneyActionName(binding.action));
    ReadTarget(*target, type, what, &binding);
    ReadAmount(map.Take("amount"), node, type, what, &binding);
    ReadNameField(map.Take("by"), node, type, what, &binding);
    if (const Node* span = map.Take("for")) ReadSpan(*span, what, &binding);
    if (!binding.post.empty()) CheckPosting(post != nullptr ? *post : *target, type, what, binding);
    ReadWhen(map.Take("when"), event_type, what, &binding);
    if (binding.amount_of_decision && binding.when.empty()) {
      reporter_.Error(node, "missing-key",
                      what + ": decision.limit is there only after the decision: add 'when'");
    }
    map.Finish();
    plan_.bindings[event_type].push_back(std::move(binding));
  }

  void ReadSpan(const Node& node, const std::string& what, MoneyBinding* binding) {
    const auto ns = ParseDurationNs(node.text);
    const bool holds = binding->action == MoneyAction::kHold;
    const bool pends = binding->action == MoneyAction::kPend;
    if ((!holds && !pends) || !ns.ok() || *ns <= 0) {
      reporter_.Error(node, "wrong-type",
                      what + ", for: expected a duration, and only at hold and pend");
    } else if (holds) {
      binding->hold_ns = *ns;
    } else if (*ns / kNsPerSecond > UINT32_MAX) {
      reporter_.Error(node, "wrong-type", what + ", for: expected at most 2^32 - 1 seconds");
    } else {
      binding->timeout_s = static_cast<uint32_t>(*ns / kNsPerSecond);
    }
  }

  void ReadTarget(const Node& node, const record::EventType& type, const std::string& what,
                  MoneyBinding* binding) {
    if (DeclOf(binding->action).of == Of::kLimit) {
      const auto limit = FindLimit(node);
      if (!limit) return;
      binding->target = *limit;
      if (!DeclOf(binding->action).owner) return;
      RequireKey(node, type, plan_.limits[*limit].entity, what);
      const auto within = plan_.limits[*limit].within;
      if (within && binding->action == MoneyAction::kGrant) {
        RequireKey(node, type, plan_.limits[*within].entity, what);
      }
    } else if (DeclOf(binding->action).of == Of::kLoan) {
      std::vector<std::string> names;
      for (uint32_t i = 0; i < plan_.loans.size(); ++i) {
        names.push_back(plan_.loans[i].product->name);
        if (names.back() != node.text) continue;
        binding->target = i;
        if (!DeclOf(binding->action).owner || !plan_.borrower) return;
        RequireKey(node, type, *plan_.borrower, what);
        if (const auto limit = plan_.loans[i].limit) {
          RequireKey(node, type, plan_.limits[*limit].entity, what);
        }
        return;
      }
      reporter_.Unknown(node, "loan product", node.text, names);
    } else {
      binding->post = node.text;
    }
  }

  void RequireKey(const Node& at, const record::EventType& type, uint32_t entity,
                  const std::string& what) {
    for (const record::EntityKey& key : type.keys) {
      if (key.entity == entity) return;
    }
    const record::EntityDecl& decl = schema_.entities[entity];
    reporter_.Error(at, "missing-field",
                    what + ": expected the event to have the field '" + decl.key_field +
                        "', the key of the " + decl.name);
  }

  void ReadAmount(const Node* node, const Node& at, const record::EventType& type,
                  const std::string& what, MoneyBinding* binding) {
    const Wants wants = DeclOf(binding->action).amount;
    if (node == nullptr) {
      if (wants == Wants::kMust) {
        reporter_.Error(at, "missing-key",
                        what + ": expected 'amount', a field of type money or decision.limit");
      }
      return;
    }
    if (wants == Wants::kNo) {
      reporter_.Error(*node, "wrong-key", what + ": takes no amount");
    } else if (node->text == "decision.limit") {
      binding->amount_of_decision = true;
    } else {
      const auto field = type.FieldIndex(node->text);
      if (field && type.fields[*field].kind == record::FieldKind::kMoney &&
          type.fields[*field].protection == record::Protection::kPlain) {
        binding->amount_field = *field;
      } else {
        reporter_.Error(*node, "wrong-type",
                        what + ", amount: expected a field of type money of the event " +
                            type.name + ", or decision.limit");
      }
    }
  }

  void ReadNameField(const Node* node, const Node& at, const record::EventType& type,
                     const std::string& what, MoneyBinding* binding) {
    const bool wanted = DeclOf(binding->action).named;
    if (node == nullptr) {
      if (wanted) {
        reporter_.Error(at, "missing-key",
                        what + ": expected 'by', the field that names the " +
                            std::string(NamedBy(DeclOf(binding->action).of)));
      }
      return;
    }
    const auto field = type.FieldIndex(node->text);
    const auto slot = field ? std::optional(record::SlotTypeOf(type.fields[*field])) : std::nullopt;
    if (wanted && slot &&
        (*slot == record::SlotType::kString || *slot == record::SlotType::kToken)) {
      binding->by_field = *field;
    } else {
      reporter_.Error(*node, "wrong-type",
                      wanted ? what + ", by: expected a key or text field of the event " + type.name
                             : what + ": takes no 'by'");
    }
  }

  // The template is there, uses no amount that the action does not have, and every account that it
  // moves can be found from the event.
  void CheckPosting(const Node& at, const record::EventType& type, const std::string& what,
                    const MoneyBinding& binding) {
    std::vector<std::string> names;
    for (const TemplateUse& use : uses_) {
      names.push_back(use.name);
      if (use.name != binding.post) continue;
      const std::vector<std::string> given = AmountsOf(binding.action);
      for (const std::string& amount : use.amounts) {
        if (std::find(given.begin(), given.end(), amount) != given.end()) continue;
        std::string expected;
        for (const std::string& name : given) expected += (expected.empty() ? "" : ", ") + name;
        reporter_.Error(at, "unknown-name",
                        what + ": the posting " + use.name + " uses the amount '" + amount +
                            "', expected one of " + expected);
      }
      for (const std::string& amount : DeclOf(binding.action).takes_all ? given : use.amounts) {
        if (std::find(use.amounts.begin(), use.amounts.end(), amount) != use.amounts.end())
          continue;
        reporter_.Error(at, "missing-key",
                        what + ": the posting " + use.name + " does not use the amount '" + amount +
                            "', and money that comes in would not be booked");
      }
      if (binding.action == MoneyAction::kSettle && use.roles.size() != 2 &&
          (binding.amount_field || binding.amount_of_decision)) {
        reporter_.Error(at, "wrong-type",
                        what + ": a part can be settled of a posting with two legs, and " +
                            use.name + " has " + std::to_string(use.roles.size()));
      }
      // What is pending has its accounts.
      if (binding.action == MoneyAction::kSettle || binding.action == MoneyAction::kVoid) return;
      for (const std::string& wanted : use.roles) {
        for (const RoleDecl& role : plan_.roles) {
          if (role.name != wanted) continue;
          if (role.per == RoleDecl::Per::kEntity) RequireKey(at, type, role.entity, what);
          if (role.per == RoleDecl::Per::kLoan && DeclOf(binding.action).of != Of::kLoan) {
            reporter_.Error(at, "missing-field",
                            what + ": the role " + role.name + " has an account for each loan");
          }
        }
      }
      return;
    }
    reporter_.Unknown(at, "posting", binding.post, names);
  }

  void ReadWhen(const Node* node, uint32_t event_type, const std::string& what,
                MoneyBinding* binding) {
    if (node == nullptr || !IsList(*node, what + ", when", 64)) return;
    const auto decision = schema_.event_types[event_type].decision;
    if (!decision) {
      reporter_.Error(*node, "wrong-key", what + ", when: the event asks for no decision");
      return;
    }
    const std::vector<std::string>& outcomes = loader_.decisions_[*decision].outcomes;
    for (const Node& item : node->items) {
      if (std::find(outcomes.begin(), outcomes.end(), item.text) == outcomes.end()) {
        reporter_.Unknown(item, "outcome", item.text, outcomes);
      }
      binding->when.push_back(item.text);
    }
    if (binding->when.empty()) {
      reporter_.Error(*node, "wrong-type", what + ", when: expected at least one outcome");
    }
  }

  Loader& loader_;
  Reporter reporter_;
  const record::Schema& schema_;
  MoneyPlan& plan_;
  std::vector<ledger::ChartEntry> chart_;
  std::vector<ledger::PostingTemplate> templates_;
  std::vector<TemplateUse> uses_;
};

void Loader::LoadProducts() {
  const auto root = Parse("products.yaml", false);
  if (root) MoneyReader(this).Read(*root);
}

}  // namespace credence::pack
