// The stored form of LoanBook (grammar in the header).

#include <algorithm>

#include "src/base/bytes.h"
#include "src/lending/loan_book.h"

namespace credence::lending {
namespace {

// Days of which a date is made without thinking: about the years -25,000 to 29,000, far beyond what
// any instant has.
constexpr int64_t kDaysMax = 10'000'000;

std::string RowKey(LoanId id) {
  std::string key;
  ByteWriter(&key).PutFixed64(id.value());
  return key;
}

void Append(const Transaction& t, ByteWriter* out) {
  out->PutVarint(t.id);
  out->PutU8(static_cast<uint8_t>(t.kind));
  out->PutZigzag(t.day.days);
  out->PutZigzag(t.amount_minor);
  out->PutFixed128(t.rate.CanonicalBits());
  out->PutZigzag(t.until.days);
  out->PutZigzag(t.count);
  out->PutZigzag(t.every);
  out->PutU8(static_cast<uint8_t>(t.unit));
  out->PutU8(t.due ? 1 : 0);
  if (t.due) out->PutZigzag(t.due->days);
  out->PutVarint(t.about);
}

Date GetDate(ByteReader* in) {
  const Date date{in->GetZigzag()};
  if (date.days < -kDaysMax || date.days > kDaysMax) in->Fail();
  return date;
}

int32_t GetInt32(ByteReader* in) {
  const int64_t value = in->GetZigzag();
  if (value < INT32_MIN || value > INT32_MAX) in->Fail();
  return static_cast<int32_t>(value);
}

Transaction GetTransaction(ByteReader* in) {
  Transaction t;
  t.id = in->GetVarint();
  const uint8_t kind = in->GetU8();
  t.kind = static_cast<TransactionKind>(kind);
  t.day = GetDate(in);
  t.amount_minor = in->GetZigzag();
  const auto rate = Decimal::FromCanonicalBits(in->GetFixed128());
  t.rate = rate.value_or(Decimal());
  t.until = GetDate(in);
  t.count = GetInt32(in);
  t.every = GetInt32(in);
  const uint8_t unit = in->GetU8();
  t.unit = static_cast<PeriodUnit>(unit);
  const uint8_t has_due = in->GetU8();
  if (has_due == 1) t.due = GetDate(in);
  t.about = in->GetVarint();
  if (kind < 1 || kind > kTransactionKindMax || !rate || unit < 1 ||
      unit > static_cast<uint8_t>(PeriodUnit::kYears) || has_due > 1) {
    in->Fail();
  }
  return t;
}

}  // namespace

void LoanBook::AppendRow(const Row& row, std::string* bytes) {
  ByteWriter out(bytes);
  out.PutRaw(row.product->digest.view());
  out.PutZigzag(row.start.days);
  out.PutU8(row.turned ? 1 : 0);
  if (row.turned) out.PutZigzag(row.turned->days);
  out.PutVarint(row.commands.size());
  for (const Command& command : row.commands) {
    out.PutU8(command.reverses ? 1 : 0);
    if (command.reverses) {
      out.PutVarint(command.transaction.id);
    } else {
      Append(command.transaction, &out);
    }
  }
}

void LoanBook::VisitRows(const RowVisitor& visit) const {
  std::string value;
  for (const auto& [id, row] : loans_) {
    value.clear();
    AppendRow(row, &value);
    visit(RowKey(id), value);
  }
}

void LoanBook::TakeChanges(const RowVisitor& put,
                           const std::function<void(std::string_view key)>& gone) {
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  std::string value;
  for (const LoanId id : changed_) {
    const auto found = loans_.find(id);
    if (found == loans_.end()) {
      gone(RowKey(id));
      continue;
    }
    value.clear();
    AppendRow(found->second, &value);
    put(RowKey(id), value);
  }
  changed_.clear();
}

bool LoanBook::RowLoader::Read(ByteReader* in, Command* command) {
  const uint8_t reverses = in->GetU8();
  command->reverses = reverses == 1;
  if (command->reverses) {
    command->transaction.id = in->GetVarint();
  } else {
    command->transaction = GetTransaction(in);
  }
  return in->ok() && reverses <= 1;
}

Status LoanBook::RowLoader::Add(std::string_view key, std::string_view value) {
  const auto damaged = [&](const char* what) {
    return DataLoss("loan row " + ToHex(key) + ": " + what);
  };
  ByteReader name(key);
  const LoanId id(name.GetFixed64());
  ByteReader in(value);
  Digest product;
  if (!name.ok() || !name.AtEnd() || id == LoanId() ||
      !Digest::FromRaw(in.GetRaw(Digest::kBytes), &product)) {
    return damaged("it cannot be read");
  }
  Row row;
  row.product = products_(product);
  if (row.product == nullptr) return damaged("its product is not known");
  row.start = GetDate(&in);
  const uint8_t turned = in.GetU8();
  if (turned == 1) row.turned = GetDate(&in);
  const uint64_t commands = in.GetVarint();
  if (!in.ok() || turned > 1 || commands == 0 || commands > 2 * Loan::kTransactionsMax) {
    return damaged("it cannot be read");
  }
  for (uint64_t i = 0; i < commands; ++i) {
    if (!Read(&in, &row.commands.emplace_back())) return damaged("a command cannot be read");
  }
  if (!in.AtEnd()) return damaged("it is too long");
  const auto loan = TryFold(row);
  if (!loan) return damaged("its commands do not follow from each other");
  const auto [at, added] = book_.loans_.emplace(id, std::move(row));
  if (!added) return damaged("it is there twice");
  book_.Index(id, &at->second, *loan);
  return {};
}

}  // namespace credence::lending
