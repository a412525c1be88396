#pragma once
// The rows of accounts, limits, loans and their names: making a MoneyState of them. What each row
// is stands in docs/formats/store.md.

#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/status.h"
#include "src/engine/money_state.h"
#include "src/engine/rows.h"

namespace credence::engine {

// Takes products first, then the rows of each other part in the order of their keys with the
// ledger's tables in their own order (Ledger::TableRank). Every row is looked at as if somebody
// else had written it: what is accepted keeps all invariants of ledger, limits and loans, so that
// no later command meets what cannot be. Otherwise kDataLoss, and the loader is of no use.
class MoneyState::RowLoader {
 public:
  // `load_pack` gives the packs of products.
  explicit RowLoader(PackLoader load_pack);
  Status Add(Part part, std::string_view key, std::string_view value);
  // Once, after the last row. `last_stamp` is the last that the state has come to, `parked` its
  // decisions that wait.
  Result<MoneyState> Finish(Timestamp last_stamp, const std::map<Seq, ParkedRow>& parked);

 private:
  Status AddProduct(std::string_view key, std::string_view value);
  Status AddName(std::string_view key, std::string_view value);
  Status AddWaiting(std::string_view key, std::string_view value);
  Status AddBooking(std::string_view key, std::string_view value);
  Status AddEffects(std::string_view key, std::string_view value);
  Status AddOverdue(std::string_view key, std::string_view value);
  static Transfers GetTransfers(ByteReader* in);
  static std::vector<Name> GetKeys(ByteReader* in);
  [[nodiscard]] Status CheckNames() const;
  [[nodiscard]] Status CheckOverdue() const;

  const PackLoader load_pack_;
  MoneyState money_;
  std::map<Digest, std::shared_ptr<const lending::BookedProduct>> products_;
  ledger::Ledger::RowLoader ledger_;
  lending::LimitBook::RowLoader limits_;
  lending::LoanBook::RowLoader loans_;
};

}  // namespace credence::engine
