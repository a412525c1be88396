#include "src/ledger/posting.h"

#include <algorithm>
#include <set>

#include "src/base/assert.h"

namespace credence::ledger {
namespace {

void AddError(std::vector<Diagnostic>* diagnostics, std::string code, std::string message,
              std::string hint = "") {
  Diagnostic diagnostic;
  diagnostic.code = std::move(code);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostics->push_back(std::move(diagnostic));
}

void CheckChart(std::span<const ChartEntry> chart, std::vector<Diagnostic>* diagnostics) {
  std::set<std::string_view> roles;
  std::set<uint16_t> codes;
  for (const ChartEntry& entry : chart) {
    if (!roles.insert(entry.role).second) {
      AddError(diagnostics, "role-twice", "role '" + entry.role + "' is in the chart twice");
    }
    if (entry.code == 0) {
      AddError(diagnostics, "code-zero", "role '" + entry.role + "' has code 0; expected 1..65535");
    } else if (!codes.insert(entry.code).second) {
      AddError(diagnostics, "code-twice",
               "code " + std::to_string(entry.code) + " of role '" + entry.role +
                   "' belongs to another role already");
    }
    if ((entry.flags & ~account_flag::kAll) != 0) {
      AddError(diagnostics, "unknown-flag", "role '" + entry.role + "' has an unknown flag");
    }
  }
}

void CheckTemplate(const PostingTemplate& posting, std::span<const std::string> roles,
                   std::vector<Diagnostic>* diagnostics) {
  const std::string where = "template '" + posting.name + "'";
  if (posting.code == 0) AddError(diagnostics, "code-zero", where + " has code 0");
  if (posting.legs.empty() || posting.legs.size() > PostingBook::kLegsMax) {
    AddError(diagnostics, "legs", where + " needs 2 to 64 legs");
  }
  std::map<std::pair<uint8_t, std::string>, int> balance;  // how much more debit than credit
  for (const Leg& leg : posting.legs) {
    if (std::find(roles.begin(), roles.end(), leg.role) == roles.end()) {
      const std::string_view nearest = NearestName(leg.role, roles);
      AddError(diagnostics, "unknown-role", where + " uses the unknown role '" + leg.role + "'",
               nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?");
    }
    if (leg.currency > 1) AddError(diagnostics, "currency", where + " has a third currency");
    std::set<std::string_view> seen;
    for (const std::string& amount : leg.amounts) {
      if (!seen.insert(amount).second) {
        AddError(diagnostics, "amount-twice", where + " adds '" + amount + "' twice in one leg");
      }
      balance[{leg.currency, amount}] += leg.side == Side::kDebit ? 1 : -1;
    }
  }
  for (const auto& [key, difference] : balance) {
    if (difference == 0) continue;
    AddError(diagnostics, "unbalanced",
             where + " does not balance: '" + key.second + "' is debited " +
                 std::to_string(std::abs(difference)) + (difference > 0 ? " more" : " fewer") +
                 " times than credited" + (key.first == 0 ? "" : " in the second currency"));
  }
}

// A leg with what is left of its amount.
struct Part {
  const Leg* leg;
  AccountId account;
  int64_t left;
};

}  // namespace

PostingBook PostingBook::Compile(std::vector<ChartEntry> chart,
                                 std::vector<PostingTemplate> templates,
                                 std::vector<Diagnostic>* diagnostics) {
  PostingBook book;
  CheckChart(chart, diagnostics);
  std::vector<std::string> roles;
  for (const ChartEntry& entry : chart) roles.push_back(entry.role);
  if (templates.size() > kTemplatesMax) {
    AddError(diagnostics, "templates", "more than 1000 posting templates");
  }
  std::sort(templates.begin(), templates.end(),
            [](const PostingTemplate& a, const PostingTemplate& b) { return a.name < b.name; });
  for (size_t i = 0; i < templates.size(); ++i) {
    if (i > 0 && templates[i].name == templates[i - 1].name) {
      AddError(diagnostics, "template-twice",
               "template '" + templates[i].name + "' is there twice");
    }
    CheckTemplate(templates[i], roles, diagnostics);
  }
  book.chart_ = std::move(chart);
  book.templates_ = std::move(templates);
  return book;
}

const ChartEntry* PostingBook::FindRole(std::string_view role) const {
  for (const ChartEntry& entry : chart_) {
    if (entry.role == role) return &entry;
  }
  return nullptr;
}

bool PostingBook::Has(std::string_view name) const {
  const auto it = std::lower_bound(templates_.begin(), templates_.end(), name,
                                   [](const PostingTemplate& posting, std::string_view wanted) {
                                     return posting.name < wanted;
                                   });
  return it != templates_.end() && it->name == name;
}

std::vector<std::string> PostingBook::AmountsOf(std::string_view name) const {
  std::set<std::string> used;
  for (const PostingTemplate& posting : templates_) {
    if (posting.name != name) continue;
    for (const Leg& leg : posting.legs) used.insert(leg.amounts.begin(), leg.amounts.end());
  }
  return {used.begin(), used.end()};
}

Result<std::vector<TransferSpec>> PostingBook::Post(const PostingRequest& request) const {
  const auto posting = std::lower_bound(
      templates_.begin(), templates_.end(), request.name,
      [](const PostingTemplate& t, std::string_view wanted) { return t.name < wanted; });
  if (posting == templates_.end() || posting->name != request.name) {
    return NotFound("no posting template '" + std::string(request.name) + "'");
  }
  std::set<std::string_view> used;
  for (const Leg& leg : posting->legs) used.insert(leg.amounts.begin(), leg.amounts.end());
  for (const auto& [name, amount] : request.amounts) {
    if (!used.contains(name)) {
      return InvalidArgument("template '" + posting->name + "' has no amount '" + name + "'");
    }
    if (amount < 0) {
      return InvalidArgument("amount '" + name + "' is negative: " + std::to_string(amount));
    }
  }

  std::vector<TransferSpec> transfers;
  for (const uint8_t currency : {uint8_t{0}, uint8_t{1}}) {
    std::vector<Part> debits;
    std::vector<Part> credits;
    for (const Leg& leg : posting->legs) {
      if (leg.currency != currency) continue;
      Int128 sum = 0;
      for (const std::string& name : leg.amounts) {
        const auto it = request.amounts.find(name);
        sum += it == request.amounts.end() ? 0 : it->second;
      }
      if (sum > kAmountMax) return OutOfRange("a leg of '" + posting->name + "' is too large");
      if (sum == 0) continue;
      const AccountId account = request.account(leg.role, request.currencies[currency]);
      if (account == AccountId()) {
        return NotFound("there is no account for role '" + leg.role + "'");
      }
      (leg.side == Side::kDebit ? debits : credits)
          .push_back({&leg, account, static_cast<int64_t>(sum)});
    }
    size_t d = 0;
    size_t c = 0;
    while (d < debits.size() && c < credits.size()) {
      const int64_t amount = std::min(debits[d].left, credits[c].left);
      TransferSpec spec;
      spec.id = EngineTransferId(request.seq,
                                 request.first_index + static_cast<uint32_t>(transfers.size()));
      spec.debit_account = debits[d].account;
      spec.credit_account = credits[c].account;
      spec.amount = amount;
      spec.user_128 = request.user_128;
      spec.user_64 = request.user_64;
      spec.user_32 = request.user_32;
      spec.timeout_s = request.timeout_s;
      spec.currency = request.currencies[currency];
      spec.code = posting->code;
      spec.flags = static_cast<uint16_t>(request.flags | transfer_flag::kLinked);
      // Two roles may be one account: nothing moves then.
      if (spec.debit_account != spec.credit_account) transfers.push_back(spec);
      if ((debits[d].left -= amount) == 0) ++d;
      if ((credits[c].left -= amount) == 0) ++c;
    }
    CREDENCE_ASSERT(d == debits.size() && c == credits.size());  // Compile saw to it
  }
  if (!transfers.empty()) {
    transfers.back().flags &= static_cast<uint16_t>(~transfer_flag::kLinked);
  }
  return transfers;
}

}  // namespace credence::ledger
