#pragma once
// The twin of the RocksDB store that lives in memory. It keeps apart what readers see and what a
// crash would leave, and it fails where a test says so. Nothing is as slow as it would be on disk;
// nothing else differs.

#include <memory>
#include <string>
#include <vector>

#include "src/store/store.h"

namespace credence::store {

// When a call of Write or Flush is to fail.
enum class MemoryFault : uint8_t {
  kNone,
  kBefore,  // the call does nothing and fails with kIoError
  kAfter,   // the call does all it should and still fails with kIoError
};

class MemoryBacking final : public Backing {
 public:
  explicit MemoryBacking(std::vector<std::string> tables);
  ~MemoryBacking() override;
  Result<std::unique_ptr<Store>> Open(OpenMode mode) override;
  Status Destroy() override;
  [[nodiscard]] std::string name() const override { return "memory"; }

  // The power goes: what was not flushed is forgotten. A store that is still open is dead: its
  // Write and Flush fail from now on.
  void LoseUnflushed();
  // Of Write and Flush, since the backing was made.
  [[nodiscard]] uint64_t calls() const;
  // The fault strikes at this call (counted from 1), and at all later ones if `for_good`.
  struct Fault {
    MemoryFault kind = MemoryFault::kNone;
    uint64_t at_call = 0;
    bool for_good = false;
  };
  void set_fault(const Fault& fault);
  // Changes a stored value, as damage would: nothing if there is no such row.
  void Damage(size_t table, std::string_view key, std::string_view value);
  // Rows of a table as a reader sees them.
  [[nodiscard]] size_t rows(size_t table) const;

 private:
  friend class MemoryStore;
  struct Disk;
  std::shared_ptr<Disk> disk_;
};

}  // namespace credence::store
