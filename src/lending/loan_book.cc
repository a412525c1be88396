#include "src/lending/loan_book.h"

#include <algorithm>

#include "src/base/bytes.h"

namespace credence::lending {

std::string_view BookResultName(const BookResult& result) {
  switch (result.book) {
    case BookStatus::kApplied:
      return "applied";
    case BookStatus::kAlreadyExists:
      return "already_exists";
    case BookStatus::kNotFound:
      return "not_found";
    case BookStatus::kBadDates:
      return "bad_dates";
    case BookStatus::kRefused:
      return LoanStatusName(result.loan);
  }
  CREDENCE_UNREACHABLE();
}

// Nothing if the commands do not follow from each other.
std::optional<Loan> LoanBook::TryFold(const Row& row) {
  const BookedProduct& product = *row.product;
  auto dates = MakePeriods(product.product.terms, row.start,
                           product.calendar ? &*product.calendar : nullptr);
  if (!dates.ok()) return std::nullopt;
  Loan loan(product.product, row.start, std::move(*dates));
  for (const Command& command : row.commands) {
    const LoanStatus status =
        command.reverses ? loan.Reverse(command.transaction.id) : loan.Apply(command.transaction);
    if (status != LoanStatus::kApplied) return std::nullopt;
  }
  return loan;
}

std::optional<Loan> LoanBook::Fold(const Row& row) {
  auto loan = TryFold(row);
  // Each was applied once, on the same loan; only the dates of one without commands are in doubt.
  CREDENCE_ASSERT(loan.has_value() || row.commands.empty());
  return loan;
}

void LoanBook::Index(LoanId id, Row* row, const Loan& loan) {
  std::optional<Date> next;
  const bool open = loan.state() == LoanState::kActive;
  for (const Period& period : loan.plan().periods()) {
    if (!open || (row->turned && period.due <= *row->turned)) continue;
    next = period.due;
    break;
  }
  if (next == row->next_due) return;
  if (row->next_due) due_.erase({*row->next_due, id});
  if (next) due_.insert({*next, id});
  row->next_due = next;
}

BookResult LoanBook::Open(LoanId id, std::shared_ptr<const BookedProduct> product, Date start,
                          int64_t amount_minor, uint64_t transaction) {
  if (loans_.contains(id)) return {BookStatus::kAlreadyExists, {}, {}, {}};
  Row row;
  row.product = std::move(product);
  row.start = start;
  auto loan = Fold(row);
  if (!loan) return {BookStatus::kBadDates, {}, {}, {}};
  Command draw;
  draw.transaction.id = transaction;
  draw.transaction.kind = TransactionKind::kDraw;
  draw.transaction.day = start;
  draw.transaction.amount_minor = amount_minor;
  const LoanStatus status = loan->Apply(draw.transaction);
  if (status != LoanStatus::kApplied) return {BookStatus::kRefused, status, {}, {}};
  row.commands.push_back(draw);
  const Allocation allocation = loan->transactions().back().allocation;
  Row& kept = loans_.emplace(id, std::move(row)).first->second;
  Note(id);
  Index(id, &kept, *loan);
  return {BookStatus::kApplied, status, allocation, {}};
}

BookResult LoanBook::Apply(LoanId id, const Transaction& transaction) {
  const auto found = loans_.find(id);
  if (found == loans_.end()) return {BookStatus::kNotFound, {}, {}, {}};
  Row& row = found->second;
  auto loan = Fold(row);
  CREDENCE_ASSERT(loan.has_value());
  // Money of earlier transactions moves only where one comes late.
  std::vector<AppliedTransaction> before;
  if (!loan->transactions().empty() &&
      loan->transactions().back().transaction.day > transaction.day) {
    before = loan->transactions();
  }
  const LoanStatus status = loan->Apply(transaction);
  if (status != LoanStatus::kApplied) return {BookStatus::kRefused, status, {}, {}};
  row.commands.push_back({false, transaction});
  Note(id);
  Index(id, &row, *loan);
  BookResult result{BookStatus::kApplied, status, {}, {}};
  for (const AppliedTransaction& applied : loan->transactions()) {
    if (applied.transaction.id == transaction.id) result.allocation = applied.allocation;
  }
  ListMoved(before, *loan, &result.moved);
  return result;
}

BookResult LoanBook::Reverse(LoanId id, uint64_t transaction) {
  const auto found = loans_.find(id);
  if (found == loans_.end()) return {BookStatus::kNotFound, {}, {}, {}};
  Row& row = found->second;
  auto loan = Fold(row);
  CREDENCE_ASSERT(loan.has_value());
  const std::vector<AppliedTransaction> before = loan->transactions();
  const LoanStatus status = loan->Reverse(transaction);
  if (status != LoanStatus::kApplied) return {BookStatus::kRefused, status, {}, {}};
  Command command{true, {}};
  command.transaction.id = transaction;
  row.commands.push_back(command);
  Note(id);
  Index(id, &row, *loan);
  BookResult result{BookStatus::kApplied, status, {}, {}};
  ListMoved(before, *loan, &result.moved);
  return result;
}

void LoanBook::ListMoved(const std::vector<AppliedTransaction>& before, const Loan& after,
                         std::vector<BookResult::Moved>* moved) {
  for (const AppliedTransaction& was : before) {
    for (const AppliedTransaction& is : after.transactions()) {
      if (is.transaction.id != was.transaction.id || is.allocation == was.allocation) continue;
      moved->push_back({is.transaction.id, is.transaction.kind, was.allocation, is.allocation});
    }
  }
}

std::optional<Loan> LoanBook::Read(LoanId id, Date today) const {
  const auto found = loans_.find(id);
  if (found == loans_.end()) return std::nullopt;
  auto loan = Fold(found->second);
  CREDENCE_ASSERT(loan.has_value());
  if (today > loan->today()) loan->Observe(today);
  return loan;
}

const BookedProduct* LoanBook::ProductOf(LoanId id) const {
  const auto found = loans_.find(id);
  return found == loans_.end() ? nullptr : found->second.product.get();
}

std::vector<LoanBook::Due> LoanBook::DueBy(Date day, size_t max) const {
  std::vector<Due> list;
  for (const Due& due : due_) {
    if (due.day > day || list.size() == max) break;
    list.push_back(due);
  }
  return list;
}

void LoanBook::Turn(LoanId id, Date day) {
  const auto found = loans_.find(id);
  CREDENCE_ASSERT(found != loans_.end());
  Row& row = found->second;
  if (row.turned && *row.turned >= day) return;
  row.turned = day;
  Note(id);
  const auto loan = Fold(row);
  Index(id, &row, *loan);
}

std::optional<Date> LoanBook::NextDue(LoanId id) const {
  const auto found = loans_.find(id);
  return found == loans_.end() ? std::nullopt : found->second.next_due;
}

std::optional<Date> LoanBook::TurnedTo(LoanId id) const {
  const auto found = loans_.find(id);
  return found == loans_.end() ? std::nullopt : found->second.turned;
}

LoanBook::Saved LoanBook::Save(LoanId id) const {
  Saved saved;
  saved.id_ = id;
  const auto found = loans_.find(id);
  if (found != loans_.end()) saved.row_ = found->second;
  return saved;
}

void LoanBook::PutBack(const Saved& saved) {
  Note(saved.id_);
  const auto found = loans_.find(saved.id_);
  if (found != loans_.end()) {
    if (found->second.next_due) due_.erase({*found->second.next_due, saved.id_});
    loans_.erase(found);
  }
  if (!saved.row_) return;
  loans_[saved.id_] = *saved.row_;
  if (saved.row_->next_due) due_.insert({*saved.row_->next_due, saved.id_});
}

}  // namespace credence::lending
