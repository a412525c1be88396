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

#include "src/base/digest.h"
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

  // The loan as it is now, and making it so again.
  class Saved;
  [[nodiscard]] Saved Save(LoanId id) const;
  void PutBack(const Saved& saved);

  // Calls visit(key, value) for each loan in canonical form, in the order of ids.
  //   key    fixed64 loan
  //   value  digest of the product, zigzag start, u8 has turned [zigzag turned], varint commands,
  //          each: u8 0 and the transaction (varint id, u8 kind, zigzag day, zigzag amount,
  //          fixed128 rate, zigzag until, zigzag count), or u8 1 and varint id: reversed
  void VisitRows(const std::function<void(std::string_view, std::string_view)>& visit) const;

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
  void Index(LoanId id, Row* row, const Loan& loan);

  std::map<LoanId, Row> loans_;
  std::set<Due> due_;
};

class LoanBook::Saved {
  friend class LoanBook;
  LoanId id_;
  std::optional<Row> row_;
};

}  // namespace credence::lending
