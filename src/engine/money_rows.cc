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

uint64_t GetOrdered64(ByteReader* in) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | in->GetU8();
  return value;
}

// A number that fits 32 bits.
uint32_t GetSmall(ByteReader* in) {
  const uint64_t value = in->GetVarint();
  if (value > UINT32_MAX) in->Fail();
  return static_cast<uint32_t>(value);
}

// Whether each value of the map is another one and stands in the book.
template <class Map, class IdOf, class Has>
bool NamesEach(const Map& names, IdOf id_of, Has has) {
  using Id = decltype(id_of(names.begin()->second));
  std::set<Id> met;
  for (const auto& [name, entry] : names) {
    const Id id = id_of(entry);
    if (!has(id) || !met.insert(id).second) return false;
  }
  return true;
}

void PutKeys(const std::vector<std::pair<std::string, std::string>>& keys, ByteWriter* out) {
  out->PutVarint(keys.size());
  for (const auto& [entity, key] : keys) {
    out->PutBytes(entity);
    out->PutBytes(key);
  }
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
  } else if (table == kPendingNames) {
    const auto found = pending_.find(name);
    if (found == pending_.end()) return false;
    Put(found->second, &out);
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
  out.PutVarint(context->event.value());
  out.PutVarint(context->event_type);
  out.PutZigzag(context->day.days);
  PutKeys(context->keys, &out);
  for (const Call& call : context->calls) {
    out.PutVarint(call.binding);
    out.PutU8(call.complete ? 1 : 0);
    out.PutBytes(call.by);
    out.PutU8(call.amount ? 1 : 0);
    if (call.amount) out.PutZigzag(*call.amount);
  }
}

void MoneyState::Put(const Transfers& transfers, ByteWriter* out) {
  out->PutVarint(transfers.seq.value());
  out->PutVarint(transfers.first);
  out->PutVarint(transfers.count);
}

void MoneyState::BookingRow(const BookingKey& of, const Booking* booking, std::string* key,
                            std::string* value) {
  key->clear();
  value->clear();
  PutOrdered64(of.first.value(), key);
  PutOrdered64(of.second, key);
  if (booking == nullptr) return;
  ByteWriter out(value);
  out.PutBytes(booking->posting);
  PutKeys(booking->keys, &out);
  Put(booking->transfers, &out);
}

void MoneyState::EffectsRow(Seq event, const Effects* effects, std::string* key,
                            std::string* value) {
  key->clear();
  value->clear();
  PutOrdered64(event.value(), key);
  if (effects == nullptr) return;
  ByteWriter out(value);
  out.PutVarint(effects->waiting.value());
  for (const Effect& effect : effects->list) {
    out.PutU8(static_cast<uint8_t>(effect.kind));
    out.PutVarint(effect.id);
    out.PutVarint(effect.other);
    out.PutZigzag(effect.amount);
    out.PutBytes(effect.name.first);
    out.PutBytes(effect.name.second);
    Put(effect.transfers, &out);
    Put(effect.before, &out);
    out.PutBytes(effect.what);
  }
}

void MoneyState::OverdueRow(lending::LoanId id, const OverdueBooking* booking, std::string* key,
                            std::string* value) {
  key->clear();
  value->clear();
  PutOrdered64(id.value(), key);
  if (booking == nullptr) return;
  ByteWriter out(value);
  const lending::Allocation& amounts = booking->amounts;
  for (const int64_t amount : {amounts.principal, amounts.interest, amounts.fee, amounts.penalty}) {
    out.PutVarint(static_cast<uint64_t>(amount));
  }
  Put(booking->transfers, &out);
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
  for (const auto& [name, transfers] : pending_) name_row(kPendingNames, name);
  for (const auto& [seq, context] : waiting_) {
    WaitingRow(seq, &context, &key, &value);
    visit(Part::kWaiting, key, value);
  }
  for (const auto& [of, booking] : bookings_) {
    BookingRow(of, &booking, &key, &value);
    visit(Part::kBooking, key, value);
  }
  for (const auto& [event, effects] : effects_) {
    EffectsRow(event, &effects, &key, &value);
    visit(Part::kEffects, key, value);
  }
  for (const auto& [loan, booking] : overdue_) {
    OverdueRow(loan, &booking, &key, &value);
    visit(Part::kOverdue, key, value);
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
  const auto each = [&](Part part, const auto& changed, const auto& rows, auto make_row) {
    for (const auto& of : changed) {
      const auto found = rows.find(of);
      make_row(of, found == rows.end() ? nullptr : &found->second, &key, &value);
      if (found == rows.end()) {
        gone(part, key);
      } else {
        put(part, key, value);
      }
    }
  };
  each(Part::kWaiting, changed_waiting_, waiting_, WaitingRow);
  each(Part::kBooking, changed_bookings_, bookings_, BookingRow);
  each(Part::kEffects, changed_effects_, effects_, EffectsRow);
  each(Part::kOverdue, changed_overdue_, overdue_, OverdueRow);
  changed_products_.clear();
  changed_names_.clear();
  changed_waiting_.clear();
  changed_bookings_.clear();
  changed_effects_.clear();
  changed_overdue_.clear();
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
    money_.AddOwner(std::string(first), entry);
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
  } else if (table == kPendingNames) {
    money_.pending_.emplace(std::move(pair), GetTransfers(&in));
  } else {
    return Damaged("names");
  }
  return in.ok() && in.AtEnd() ? OkStatus() : Damaged("names");
}

Status MoneyState::RowLoader::AddWaiting(std::string_view key, std::string_view value) {
  ByteReader name(key);
  const uint64_t seq = GetOrdered64(&name);
  ByteReader in(value);
  EventContext context;
  context.event = Seq(in.GetVarint());
  context.event_type = GetSmall(&in);
  context.day = Date{in.GetZigzag()};
  context.keys = GetKeys(&in);
  while (in.ok() && !in.AtEnd()) {
    Call call;
    call.binding = GetSmall(&in);
    const uint8_t complete = in.GetU8();
    call.complete = complete == 1;
    call.by = in.GetBytes();
    const uint8_t has_amount = in.GetU8();
    if (has_amount == 1) call.amount = in.GetZigzag();
    if (complete > 1 || has_amount > 1) return Damaged("waiting commands");
    context.calls.push_back(std::move(call));
  }
  // No instant has a day beyond these.
  const bool day_is_good = context.day >= Timestamp{INT64_MIN}.UtcDate().PlusDays(-1) &&
                           context.day <= Timestamp{INT64_MAX}.UtcDate().PlusDays(1);
  if (!name.ok() || !name.AtEnd() || !in.ok() || !day_is_good) {
    return Damaged("waiting commands");
  }
  money_.waiting_.emplace(Seq(seq), std::move(context));
  return {};
}

MoneyState::Transfers MoneyState::RowLoader::GetTransfers(ByteReader* in) {
  Transfers transfers;
  transfers.seq = Seq(in->GetVarint());
  transfers.first = GetSmall(in);
  transfers.count = GetSmall(in);
  return transfers;
}

std::vector<MoneyState::Name> MoneyState::RowLoader::GetKeys(ByteReader* in) {
  std::vector<Name> keys;
  for (uint64_t left = in->GetVarint(); left > 0 && in->ok(); --left) {
    const std::string_view entity = in->GetBytes();
    keys.emplace_back(std::string(entity), std::string(in->GetBytes()));
  }
  return keys;
}

Status MoneyState::RowLoader::AddBooking(std::string_view key, std::string_view value) {
  ByteReader name(key);
  const lending::LoanId loan(GetOrdered64(&name));
  const uint64_t transaction = GetOrdered64(&name);
  ByteReader in(value);
  Booking booking;
  booking.posting = in.GetBytes();
  booking.keys = GetKeys(&in);
  booking.transfers = GetTransfers(&in);
  if (!name.ok() || !name.AtEnd() || !in.ok() || !in.AtEnd()) return Damaged("bookings of loans");
  money_.bookings_.emplace(BookingKey{loan, transaction}, std::move(booking));
  return {};
}

// Ids in them are looked up when they are undone, and may be of nothing.
Status MoneyState::RowLoader::AddEffects(std::string_view key, std::string_view value) {
  ByteReader name(key);
  const Seq event(GetOrdered64(&name));
  ByteReader in(value);
  Effects effects;
  effects.waiting = Seq(in.GetVarint());
  while (in.ok() && !in.AtEnd()) {
    Effect effect;
    const uint8_t kind = in.GetU8();
    effect.kind = static_cast<EffectKind>(kind);
    effect.id = in.GetVarint();
    effect.other = in.GetVarint();
    effect.amount = in.GetZigzag();
    effect.name.first = in.GetBytes();
    effect.name.second = in.GetBytes();
    effect.transfers = GetTransfers(&in);
    effect.before = GetTransfers(&in);
    effect.what = in.GetBytes();
    if (kind < 1 || kind > kEffectKindMax) in.Fail();
    effects.list.push_back(std::move(effect));
  }
  if (!name.ok() || !name.AtEnd() || !in.ok()) return Damaged("effects of events");
  money_.effects_.emplace(event, std::move(effects));
  return {};
}

Status MoneyState::RowLoader::AddOverdue(std::string_view key, std::string_view value) {
  ByteReader name(key);
  const lending::LoanId loan(GetOrdered64(&name));
  ByteReader in(value);
  OverdueBooking booking;
  lending::Allocation& amounts = booking.amounts;
  for (int64_t* amount : {&amounts.principal, &amounts.interest, &amounts.fee, &amounts.penalty}) {
    const uint64_t stored = in.GetVarint();
    if (stored > static_cast<uint64_t>(INT64_MAX)) in.Fail();
    *amount = static_cast<int64_t>(stored);
  }
  booking.transfers = GetTransfers(&in);
  if (!name.ok() || !name.AtEnd() || !in.ok() || !in.AtEnd()) return Damaged("overdue loans");
  money_.overdue_.emplace(loan, booking);
  return {};
}

// What is overdue is booked back by its transfers: they must be there.
Status MoneyState::RowLoader::CheckOverdue() const {
  for (const auto& [loan, booking] : money_.overdue_) {
    const Transfers& made = booking.transfers;
    bool good = money_.loans_.Has(loan) && made.count <= 2 * ledger::PostingBook::kLegsMax;
    for (uint32_t i = 0; good && i < made.count; ++i) {
      const auto* transfer =
          money_.ledger_.FindTransfer(ledger::EngineTransferId(made.seq, made.first + i));
      good = transfer != nullptr && transfer->state == ledger::PendingState::kNone;
    }
    if (!good) return Damaged("overdue loans: its transfers are not there");
  }
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
    case Part::kBooking:
      return AddBooking(key, value);
    case Part::kEffects:
      return AddEffects(key, value);
    case Part::kOverdue:
      return AddOverdue(key, value);
  }
  return Damaged("money");
}

// No account, limit, hold or loan has two names; accounts, which are counted, have one each.
Status MoneyState::RowLoader::CheckNames() const {
  const MoneyState& m = money_;
  const auto itself = [](auto id) { return id; };
  const bool accounts =
      m.accounts_.size() == m.ledger_.account_count() &&
      NamesEach(m.accounts_, itself, [&](ledger::AccountId id) {
        return m.ledger_.FindAccount(id) != nullptr && id.value() <= m.accounts_.size();
      });
  const bool limits =
      NamesEach(m.limit_ids_, itself, [&](lending::LimitId id) { return m.limits_.Has(id); });
  const bool holds =
      NamesEach(m.hold_ids_, itself, [&](lending::HoldId id) { return m.limits_.Has(id); });
  const bool loans = NamesEach(
      m.loan_ids_, [](const LoanEntry& entry) { return entry.id; },
      [&](lending::LoanId id) { return m.loans_.Has(id); });
  const bool limits_of_loans = std::all_of(
      m.loan_ids_.begin(), m.loan_ids_.end(),
      [&](const auto& named) { return !named.second.limit || m.limits_.Has(*named.second.limit); });
  if (accounts && limits && holds && loans && limits_of_loans) return {};
  return Damaged("names: each is of one account, limit, hold or loan that is there");
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
  CREDENCE_TRY(CheckOverdue());
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
