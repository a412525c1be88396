#pragma once
// LoanBook: all loans of one engine, each as the list of commands that made it. A Loan is folded
// from its commands when it is asked for, so a million loans that nobody looks at cost their
// commands and nothing else, and what is stored is what cannot be derived.
//
// Due loans are found by an index in the order (due date, loan): a day's end looks at those that
// fall due and at no other. A due date stays in the index until Turn() says that its consequences
// are done.
//
// A command that is refused changes nothing. One thread. Reads take the day as an argument and
// store nothing.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/lending/loan.h"

namespace credence::lending {

using LoanId = StrongId<struct LoanIdTag, uint64_t>;

// A product as it was when loans were made from it; shared by them, never changed.
struct BookedProduct {
  std::string name;
  Digest digest;  // of the text that defines it
  Product product;
  std::optional<BusinessCalendar> calendar;  // where terms.business_days needs one
};

// In the order of precedence. Stored. Do not change.
enum class BookStatus : uint8_t {
  kApplied = 0,
  kAlreadyExists = 1,
  kNotFound = 2,
  kBadDates = 3,  // the first due date is not after the start, or a period has no days
  kRefused = 4,   // by the loan: see BookResult::loan
};

struct BookResult {
  BookStatus book = BookStatus::kApplied;
  LoanStatus loan = LoanStatus::kApplied;
  Allocation allocation;  // how the money of an applied transaction fell
  // Earlier transactions whose money falls in another way now; of Reverse: the one that was taken
  // back too, if any of it had fallen anywhere.
  struct Moved {
    uint64_t transaction = 0;
    TransactionKind kind = TransactionKind::kRepay;
    Allocation before;
    Allocation after;
  };
  std::vector<Moved> moved;
  [[nodiscard]] bool ok() const { return book == BookStatus::kApplied; }
};
// "applied", "not_found", or the loan's own word ("closed").
[[nodiscard]] std::string_view BookResultName(const BookResult& result);

class LoanBook {
 public:
  // A new loan whose first draw, of `amount_minor`, is made on its first day under the id
  // `transaction`.
  BookResult Open(LoanId id, std::shared_ptr<const BookedProduct> product, Date start,
                  int64_t amount_minor, uint64_t transaction);
  BookResult Apply(LoanId id, const Transaction& transaction);
  BookResult Reverse(LoanId id, uint64_t transaction);

  // The loan as of `today`, or of its latest transaction if that is later. Nothing if there is
  // none.
  [[nodiscard]] std::optional<Loan> Read(LoanId id, Date today) const;
  [[nodiscard]] const BookedProduct* ProductOf(LoanId id) const;  // null if there is none
  [[nodiscard]] size_t size() const { return loans_.size(); }
  // The highest id; 0 without loans.
  [[nodiscard]] LoanId last() const { return loans_.empty() ? LoanId() : loans_.rbegin()->first; }

  struct Due {
    Date day;
    LoanId loan;
    friend auto operator<=>(const Due&, const Due&) = default;
  };
  // The first `max` entries with a day of at most `day`, in order. A loan is in the index once, at
  // its oldest due date that is not turned.
  [[nodiscard]] std::vector<Due> DueBy(Date day, size_t max) const;
  // Due dates of the loan up to `day` are done with.
  void Turn(LoanId id, Date day);
  // Its place in the index; nothing if it has none, or there is no such loan.
  [[nodiscard]] std::optional<Date> NextDue(LoanId id) const;
  // The due date up to which it was turned.
  [[nodiscard]] std::optional<Date> TurnedTo(LoanId id) const;

  // The loan as it is now, and making it so again.
  class Saved;
  [[nodiscard]] Saved Save(LoanId id) const;
  void PutBack(const Saved& saved);
  // Whoever puts back all that was done since may say that nothing was noted since either.
  [[nodiscard]] size_t NotedChanges() const { return changed_.size(); }
  void ForgetNotedBehind(size_t noted) { changed_.resize(noted); }

  // Calls visit(key, value) for each loan in canonical form, in the order of ids.
  //   key    fixed64 loan
  //   value  digest of the product, zigzag start, u8 has turned [zigzag turned], varint commands,
  //          each: u8 0 and the transaction (varint id, u8 kind, zigzag day, zigzag amount,
  //          fixed128 rate, zigzag until, zigzag count, zigzag every, u8 unit, u8 has due
  //          [zigzag due], varint about), or u8 1 and varint id: reversed
  using RowVisitor = std::function<void(std::string_view key, std::string_view value)>;
  void VisitRows(const RowVisitor& visit) const;
  // A book from rows. kDataLoss if they cannot be: what is accepted can be read and gone on with,
  // whoever wrote it. Each loan is folded once.
  class RowLoader;
  // From here on what changes is noted, for those who store rows.
  void NoteChanges() { notes_changes_ = true; }
  // Calls put(key, value) with each row that is new or may have changed since the last call, and
  // gone(key) for those that are no more. Nothing where changes are not noted.
  void TakeChanges(const RowVisitor& put, const std::function<void(std::string_view key)>& gone);
  [[nodiscard]] bool Has(LoanId id) const { return loans_.contains(id); }

 private:
  struct Command {
    bool reverses = false;  // transaction.id
    Transaction transaction;
  };
  struct Row {
    std::shared_ptr<const BookedProduct> product;
    Date start;
    std::optional<Date> turned;
    std::optional<Date> next_due;  // in due_
    std::vector<Command> commands;
  };

  [[nodiscard]] static std::optional<Loan> Fold(const Row& row);
  [[nodiscard]] static std::optional<Loan> TryFold(const Row& row);
  static void ListMoved(const std::vector<AppliedTransaction>& before, const Loan& after,
                        std::vector<BookResult::Moved>* moved);
  static void AppendRow(const Row& row, std::string* out);
  void Note(LoanId id) {
    if (notes_changes_) changed_.push_back(id);
  }
  void Index(LoanId id, Row* row, const Loan& loan);

  std::map<LoanId, Row> loans_;
  std::set<Due> due_;
  bool notes_changes_ = false;
  std::vector<LoanId> changed_;  // since TakeChanges; a loan maybe often
};

class LoanBook::RowLoader {
 public:
  // Gives the product of a digest; null if there is none.
  using Products = std::function<std::shared_ptr<const BookedProduct>(const Digest&)>;
  explicit RowLoader(Products products) : products_(std::move(products)) {}
  // kDataLoss if the row cannot be; the loader is of no use then.
  Status Add(std::string_view key, std::string_view value);
  // Once, after the last row.
  LoanBook Finish() { return std::move(book_); }

 private:
  [[nodiscard]] static bool Read(ByteReader* in, Command* command);

  const Products products_;
  LoanBook book_;
};

class LoanBook::Saved {
  friend class LoanBook;
  LoanId id_;
  std::optional<Row> row_;
};

}  // namespace credence::lending
