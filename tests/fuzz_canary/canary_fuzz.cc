// A fuzzer with a fault planted in it: a read behind the end of a heap block, met by any input that
// starts with "CR". Where libFuzzer and AddressSanitizer work it crashes within a second; `./dev
// fuzz` fails when it does not, since the silence of every other fuzzer would then mean nothing.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || data[0] != 'C' || data[1] != 'R') return 0;
  const auto copy = std::make_unique<uint8_t[]>(size);
  std::memcpy(copy.get(), data, size);
  return copy[size] == 0 ? 0 : -1;
}
