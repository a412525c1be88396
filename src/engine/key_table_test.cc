#include "src/engine/key_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "src/base/random.h"

namespace credence::engine {
namespace {

struct Thing {
  std::string key;
  uint64_t hash = 0;
};

// Few hashes, so that searches run into each other, around the end of the table too.
TEST(KeyTable, EqualsAMapWhateverComesAndGoes) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::map<std::string, std::unique_ptr<Thing>> expected;
    KeyTable<Thing> table;
    EXPECT_EQ(table.Find(1, "k1"), nullptr);
    for (int step = 0; step < 3'000; ++step) {
      const std::string key = "k" + std::to_string(random.Below(200));
      const uint64_t hash =
          (key.size() * 31 + static_cast<unsigned char>(key.back())) % (seed % 2 == 0 ? 7 : 64) - 3;
      const auto found = expected.find(key);
      Thing* const here = found == expected.end() ? nullptr : found->second.get();
      ASSERT_EQ(table.Find(hash, key), here);
      if (here != nullptr) {
        ASSERT_NE(table.Guess(hash), nullptr);
        ASSERT_EQ(table.Guess(hash)->hash, hash);
      }
      if (here == nullptr) {
        auto thing = std::make_unique<Thing>(Thing{key, hash});
        table.Add(thing.get());
        expected.emplace(key, std::move(thing));
      } else if (random.OneIn(2)) {
        table.Remove(here);
        expected.erase(found);
      }
      ASSERT_EQ(table.size(), expected.size());
    }
    for (const auto& [key, thing] : expected) ASSERT_EQ(table.Find(thing->hash, key), thing.get());
  }
}

}  // namespace
}  // namespace credence::engine
