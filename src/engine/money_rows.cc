#include "src/engine/money_rows.h"

#include <algorithm>
#include <set>

#include "src/base/bytes.h"
#include "src/engine/state.h"

namespace credence::engine {

using lending::BookedProduct;

namespace {

Status Damaged(const char* what) {
  return DataLoss(std::string("a stored row is not one of ") + what);
}

std::string NameKey(char table, std::string_view first, std::string_view second) {
  std::string key(1, table);
  ByteWriter out(&key);
  out.PutBytes(first);
  out.PutBytes(second);
  return key;
}

// Whether each value of the map is another one and stands in the book.
template <class Map, class IdOf, class Has>
bool NamesEach(const Map& names, size_t count, IdOf id_of, Has has) {
  using Id = decltype(id_of(names.begin()->second));
  std::set<Id> met;
  for (const auto& [name, entry] : names) {
    const Id id = id_of(entry);
    if (!has(id) || !met.insert(id).second) return false;
  }
  return names.size() == count;
}

}  // namespace

// --- writing ---

bool MoneyState::NameRow(char table, const Name& name, std::string* key, std::string* value) const {
  *key = table == kLoanNames ? NameKey(table, name.first, {})
                             : NameKey(table, name.first, name.second);
  value->clear();
  ByteWriter out(value);
  if (table == kAccountNames) {
    const auto found = accounts_.find(name);
    if (found == accounts_.end()) return false;
    out.PutFixed128(found->second.value());
  } else if (table == kLimitNames) {
    const auto found = limit_ids_.find(name);
    if (found == limit_ids_.end()) return false;
    out.PutFixed64(found->second.value());
  } else if (table == kHoldNames) {
    const auto found = hold_ids_.find(name);
    if (found == hold_ids_.end()) return false;
    out.PutFixed64(found->second.value());
  } else {
    const auto found = loan_ids_.find(name.first);
    if (found == loan_ids_.end()) return false;
    const LoanEntry& entry = found->second;
    out.PutBytes(entry.owner);
    out.PutFixed64(entry.id.value());
    out.PutU8(entry.limit ? 1 : 0);
    if (entry.limit) out.PutFixed64(entry.limit->value());
  }
  return true;
}

void MoneyState::WaitingRow(Seq seq, const EventContext* context, std::string* key,
                            std::string* value) {
  key->clear();
  value->clear();
  PutOrdered64(seq.value(), key);
  if (context == nullptr) return;
  ByteWriter out(value);
  out.PutVarint(context->event_type);
  out.PutZigzag(context->day.days);
  out.PutVarint(context->keys.size());
  for (const auto& [entity, entity_key] : context->keys) {
    out.PutBytes(entity);
    out.PutBytes(entity_key);
  }
  for (const Call& call : context->calls) {
    out.PutVarint(call.binding);
    out.PutU8(call.complete ? 1 : 0);
    out.PutBytes(call.by);
    out.PutU8(call.amount ? 1 : 0);
    if (call.amount) out.PutZigzag(*call.amount);
  }
}

void MoneyState::VisitRows(const RowVisitor& visit) const {
  const auto pairs = [&visit](Part part) {
    return
        [&visit, part](std::string_view key, std::string_view value) { visit(part, key, value); };
  };
  for (const auto& [product, pack] : products_) visit(Part::kProduct, product.view(), pack.view());
  ledger_.VisitRows(pairs(Part::kLedger));
  limits_.VisitRows(pairs(Part::kLimit));
  loans_.VisitRows(pairs(Part::kLoan));
  std::string key;
  std::string value;
  const auto name_row = [&](char table, const Name& name) {
    CREDENCE_ASSERT(NameRow(table, name, &key, &value));
    visit(Part::kName, key, value);
  };
  for (const auto& [name, id] : accounts_) name_row(kAccountNames, name);
  for (const auto& [name, id] : limit_ids_) name_row(kLimitNames, name);
  for (const auto& [name, id] : hold_ids_) name_row(kHoldNames, name);
  for (const auto& [name, entry] : loan_ids_) name_row(kLoanNames, {name, {}});
  for (const auto& [seq, context] : waiting_) {
    WaitingRow(seq, &context, &key, &value);
    visit(Part::kWaiting, key, value);
  }
}

void MoneyState::NoteChanges() {
  notes_changes_ = true;
  ledger_.NoteChanges();
  limits_.NoteChanges();
  loans_.NoteChanges();
}

void MoneyState::TakeChanges(const RowVisitor& put,
                             const std::function<void(Part part, std::string_view key)>& gone) {
  if (!notes_changes_) return;
  const auto puts = [&put](Part part) {
    return [&put, part](std::string_view key, std::string_view value) { put(part, key, value); };
  };
  const auto goes = [&gone](Part part) {
    return [&gone, part](std::string_view key) { gone(part, key); };
  };
  for (const Digest& product : changed_products_) {
    const auto found = products_.find(product);
    if (found == products_.end()) {
      gone(Part::kProduct, product.view());
    } else {
      put(Part::kProduct, product.view(), found->second.view());
    }
  }
  ledger_.TakeChanges(puts(Part::kLedger));
  limits_.TakeChanges(puts(Part::kLimit), goes(Part::kLimit));
  loans_.TakeChanges(puts(Part::kLoan), goes(Part::kLoan));
  std::string key;
  std::string value;
  for (const auto& [table, name] : changed_names_) {
    if (NameRow(table, name, &key, &value)) {
      put(Part::kName, key, value);
    } else {
      gone(Part::kName, key);
    }
  }
  for (const Seq seq : changed_waiting_) {
    const auto found = waiting_.find(seq);
    WaitingRow(seq, found == waiting_.end() ? nullptr : &found->second, &key, &value);
    if (found == waiting_.end()) {
      gone(Part::kWaiting, key);
    } else {
      put(Part::kWaiting, key, value);
    }
  }
  changed_products_.clear();
  changed_names_.clear();
  changed_waiting_.clear();
}

// --- reading ---

MoneyState::RowLoader::RowLoader(PackLoader load_pack)
    : load_pack_(std::move(load_pack)), loans_([this](const Digest& digest) {
        const auto found = products_.find(digest);
        return found == products_.end() ? nullptr : found->second;
      }) {}

Status MoneyState::RowLoader::AddProduct(std::string_view key, std::string_view value) {
  Digest product;
  Digest digest;
  if (!Digest::FromRaw(key, &product) || !Digest::FromRaw(value, &digest)) {
    return Damaged("loan products");
  }
  CREDENCE_ASSIGN(const auto pack, load_pack_(digest));
  for (const pack::LoanDecl& decl : pack->money.loans) {
    if (decl.product->digest == product) products_[product] = decl.product;
  }
  if (!products_.contains(product)) return Damaged("loan products: its pack does not have it");
  money_.products_.emplace(product, digest);
  return {};
}

Status MoneyState::RowLoader::AddName(std::string_view key, std::string_view value) {
  ByteReader name(key);
  const auto table = static_cast<char>(name.GetU8());
  const std::string_view first = name.GetBytes();
  const std::string_view second = name.GetBytes();
  ByteReader in(value);
  if (!name.ok() || !name.AtEnd()) return Damaged("names");
  if (table == kLoanNames) {
    LoanEntry entry;
    entry.owner = in.GetBytes();
    entry.id = lending::LoanId(in.GetFixed64());
    const uint8_t has_limit = in.GetU8();
    if (has_limit == 1) entry.limit = lending::LimitId(in.GetFixed64());
    if (!in.ok() || !in.AtEnd() || has_limit > 1 || !second.empty()) return Damaged("names");
    money_.by_owner_.emplace(entry.owner, entry.id);
    money_.loan_ids_.emplace(std::string(first), std::move(entry));
    return {};
  }
  Name pair{std::string(first), std::string(second)};
  if (table == kAccountNames) {
    money_.accounts_.emplace(std::move(pair), ledger::AccountId(in.GetFixed128()));
  } else if (table == kLimitNames) {
    money_.limit_ids_.emplace(std::move(pair), lending::LimitId(in.GetFixed64()));
  } else if (table == kHoldNames) {
    money_.hold_ids_.emplace(std::move(pair), lending::HoldId(in.GetFixed64()));
  } else {
    return Damaged("names");
  }
  return in.ok() && in.AtEnd() ? OkStatus() : Damaged("names");
}

Status MoneyState::RowLoader::AddWaiting(std::string_view key, std::string_view value) {
  ByteReader name(key);
  uint64_t seq = 0;
  for (int i = 0; i < 8; ++i) seq = (seq << 8) | name.GetU8();
  ByteReader in(value);
  EventContext context;
  const uint64_t type = in.GetVarint();
  context.event_type = static_cast<uint32_t>(type);
  context.day = Date{in.GetZigzag()};
  for (uint64_t left = in.GetVarint(); left > 0 && in.ok(); --left) {
    const std::string_view entity = in.GetBytes();
    context.keys.emplace_back(std::string(entity), std::string(in.GetBytes()));
  }
  while (in.ok() && !in.AtEnd()) {
    Call call;
    const uint64_t binding = in.GetVarint();
    call.binding = static_cast<uint32_t>(binding);
    const uint8_t complete = in.GetU8();
    call.complete = complete == 1;
    call.by = in.GetBytes();
    const uint8_t has_amount = in.GetU8();
    if (has_amount == 1) call.amount = in.GetZigzag();
    if (binding > UINT32_MAX || complete > 1 || has_amount > 1) return Damaged("waiting commands");
    context.calls.push_back(std::move(call));
  }
  // No instant has a day beyond these.
  const bool day_is_good = context.day >= Timestamp{INT64_MIN}.UtcDate().PlusDays(-1) &&
                           context.day <= Timestamp{INT64_MAX}.UtcDate().PlusDays(1);
  if (!name.ok() || !name.AtEnd() || !in.ok() || type > UINT32_MAX || !day_is_good) {
    return Damaged("waiting commands");
  }
  money_.waiting_.emplace(Seq(seq), std::move(context));
  return {};
}

Status MoneyState::RowLoader::Add(Part part, std::string_view key, std::string_view value) {
  switch (part) {
    case Part::kLedger:
      return ledger_.Add(key, value);
    case Part::kLimit:
      return limits_.Add(key, value);
    case Part::kLoan:
      return loans_.Add(key, value);
    case Part::kName:
      return AddName(key, value);
    case Part::kWaiting:
      return AddWaiting(key, value);
    case Part::kProduct:
      return AddProduct(key, value);
  }
  return Damaged("money");
}

// Every account, limit, hold and loan has one name, so that the ids that are given next are free.
Status MoneyState::RowLoader::CheckNames() const {
  const MoneyState& m = money_;
  const auto itself = [](auto id) { return id; };
  const auto free_next = [](auto id, size_t count) { return id.value() <= count; };
  const bool accounts = NamesEach(m.accounts_, m.ledger_.account_count(), itself, [&](auto id) {
    return m.ledger_.FindAccount(id) != nullptr && free_next(id, m.accounts_.size());
  });
  const bool limits = NamesEach(m.limit_ids_, m.limits_.limit_count(), itself, [&](auto id) {
    return m.limits_.Has(id) && free_next(id, m.limit_ids_.size());
  });
  const bool holds = NamesEach(m.hold_ids_, m.limits_.hold_count(), itself, [&](auto id) {
    return m.limits_.Has(id) && free_next(id, m.hold_ids_.size());
  });
  const bool loans = NamesEach(
      m.loan_ids_, m.loans_.size(), [](const LoanEntry& entry) { return entry.id; },
      [&](auto id) { return m.loans_.Has(id) && free_next(id, m.loan_ids_.size()); });
  const bool limits_of_loans = std::all_of(
      m.loan_ids_.begin(), m.loan_ids_.end(),
      [&](const auto& named) { return !named.second.limit || m.limits_.Has(*named.second.limit); });
  if (accounts && limits && holds && loans && limits_of_loans) return {};
  return Damaged("names: accounts, limits, holds and loans have one name each");
}

Result<MoneyState> MoneyState::RowLoader::Finish(Timestamp last_stamp,
                                                 const std::map<Seq, ParkedRow>& parked) {
  CREDENCE_ASSIGN(money_.ledger_, ledger_.Finish());
  CREDENCE_ASSIGN(money_.limits_, limits_.Finish());
  money_.loans_ = loans_.Finish();
  if (money_.ledger_.last_ns() > last_stamp.ns || money_.limits_.last_ns() > last_stamp.ns) {
    return Damaged("money: it is ahead of the last event");
  }
  CREDENCE_TRY(CheckNames());
  for (const auto& [seq, context] : money_.waiting_) {
    const auto decision = parked.find(seq);
    if (decision == parked.end()) return Damaged("waiting commands: no decision waits");
    const auto* bindings = decision->second.pack->money.Bindings(context.event_type);
    for (const Call& call : context.calls) {
      if (bindings == nullptr || call.binding >= bindings->size()) {
        return Damaged("waiting commands: its pack does not have them");
      }
    }
  }
  return std::move(money_);
}

}  // namespace credence::engine
