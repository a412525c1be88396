#include "src/study/retire.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "src/journal/reader.h"
#include "src/journal/retired.h"
#include "src/record/codec.h"
#include "src/study/verify.h"

namespace credence::study {

namespace {

std::string BasesOf(const std::string& store) { return store + "/base"; }
std::string BaseFolder(const std::string& store, uint64_t frames) {
  return BasesOf(store) + "/" + std::to_string(frames);
}

// How far back what this pack asks for may reach from a record's arrival, ns; kept as 128 bits,
// since a window over all time reaches further than any stamp.
Int128 HorizonOf(const pack::Pack& pack) {
  const record::Bounds& bounds = pack.schema.bounds;
  Int128 longest = Int128{bounds.late_ns} + bounds.future_ns + kNsPerDay;  // once-only
  longest = std::max<Int128>(longest, bounds.reversal_ns);
  for (uint32_t entity = 0; entity < pack.features.entity_count(); ++entity) {
    for (const feature::LogPlan& log : pack.features.entity(entity).logs) {
      longest = std::max<Int128>(longest, log.reach_ns);
    }
  }
  return longest + bounds.late_ns + bounds.future_ns;
}

struct Activation {
  uint64_t frame = 0;
  Seq seq;
  Timestamp stamp;
  Digest pack;
};

// Where a retained segment ends and the next begins.
struct Border {
  journal::ChainHead head;
  Timestamp last_stamp;
};

struct Contents {
  std::vector<Border> borders;
  std::vector<Activation> activations;
  Timestamp last_stamp;
};

std::optional<Timestamp> StampOf(const record::AnyRecord& any) {
  return std::visit(
      [](const auto& record) -> std::optional<Timestamp> {
        if constexpr (requires { record.stamp; }) return record.stamp;
        return std::nullopt;
      },
      any);
}

Result<Contents> ReadContents(FileSystem& files, const std::string& store) {
  Contents contents;
  CREDENCE_ASSIGN(const auto reader, journal::JournalReader::Open(files, store + "/journal"));
  Arena arena;
  journal::FrameView frame;
  journal::ChainHead before;
  uint64_t segment = 0;
  while (true) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    if (segment != 0 && frame.segment != segment) {
      contents.borders.push_back({before, contents.last_stamp});
    }
    segment = frame.segment;
    before = {frame.index, frame.last_seq, frame.chain};
    if (frame.kind != journal::FrameKind::kBatch) continue;
    arena.Reset();
    for (const std::string_view bytes : frame.records) {
      CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena));
      contents.last_stamp = StampOf(any).value_or(contents.last_stamp);
      if (const auto* activation = std::get_if<record::Activation>(&any)) {
        contents.activations.push_back(
            {frame.index, activation->seq, activation->stamp, activation->pack});
      }
    }
  }
  return contents;
}

// Chooses how much may go.
class Chooser {
 public:
  Chooser(const Contents& contents, const RetireOptions& options, uint64_t checkpoint_frame)
      : contents_(contents), options_(options), checkpoint_frame_(checkpoint_frame) {}

  // Packs of the activations that are retained, and the one that is active.
  Status Learn(const engine::ArtefactStore& artefacts, const Digest& active) {
    CREDENCE_ASSIGN(active_, engine::LoadStoredPack(artefacts, active));
    for (const Activation& activation : contents_.activations) {
      CREDENCE_ASSIGN(const auto pack, engine::LoadStoredPack(artefacts, activation.pack));
      horizons_.push_back(HorizonOf(*pack));
    }
    return {};
  }

  // The last border that may be the new front; null if none. `*kept_for`: why not the one after.
  const Border* Choose(std::string* kept_for) const {
    for (size_t i = contents_.borders.size(); i-- > 0;) {
      std::string why = WhyNot(contents_.borders[i]);
      if (why.empty()) return &contents_.borders[i];
      *kept_for = std::move(why);
    }
    return nullptr;
  }

 private:
  [[nodiscard]] std::string WhyNot(const Border& border) const {
    const Int128 newest = border.last_stamp.ns;
    if (options_.before_seq != Seq() && border.head.last_seq >= options_.before_seq) {
      return "sequence " + std::to_string(options_.before_seq.value()) + " is to stay";
    }
    if (newest > Int128{contents_.last_stamp.ns} - options_.keep_ns) {
      return "what arrived last is to stay, as long as was asked for";
    }
    if (newest > contents_.last_stamp.ns - HorizonOf(*active_)) {
      return "the horizon of the pack " + active_->name +
             ": its longest window, reversals and repeated ids reach back so far";
    }
    if (border.head.frames > checkpoint_frame_) {
      return "the checkpoint is at frame " + std::to_string(checkpoint_frame_) +
             ": what is behind it is needed by the next start";
    }
    for (size_t i = 0; i < contents_.activations.size(); ++i) {
      const Activation& activation = contents_.activations[i];
      if (activation.frame > border.head.frames && newest > activation.stamp.ns - horizons_[i]) {
        return "the activation at sequence " + std::to_string(activation.seq.value()) +
               ": its features were made of the events before it";
      }
    }
    return "";
  }

  const Contents& contents_;
  const RetireOptions& options_;
  uint64_t checkpoint_frame_;
  std::shared_ptr<const pack::Pack> active_;
  std::vector<Int128> horizons_;  // by activation
};

// Which pack the state of the store's checkpoint has, and at which frame it is.
struct Known {
  uint64_t frame = 0;
  Digest pack;
};
Result<Known> ReadCheckpoint(FileSystem& files, const std::string& store,
                             const RetireOptions& options) {
  engine::Core core(files, store, 0);
  engine::CheckpointOptions checkpoint;
  checkpoint.backing = options.checkpoint;
  std::string damage;
  CREDENCE_ASSIGN(const journal::ChainHead head,
                  core.OpenCheckpoints(checkpoint, /*read_only=*/true, &damage));
  if (!damage.empty()) return DataLoss("the checkpoint is damaged: " + damage);
  if (head.frames == 0 || core.state.pack == nullptr) {
    return Unavailable("the store has no checkpoint to start from without its front");
  }
  return Known{head.frames, core.state.pack->digest};
}

// The state at the new front, in a place of its own, made of the old base and what is to go.
Status MakeBase(FileSystem& files, const std::string& store, const RetireOptions& options,
                const journal::ChainHead& old, const Border& border) {
  const std::string folder = BaseFolder(store, border.head.frames);
  const auto made = options.base(folder);
  CREDENCE_TRY(MakeFoldersDurably(files, BasesOf(store)));
  CREDENCE_TRY(made->Destroy());  // a call that was interrupted may have left one
  if (old.frames > 0) {
    CREDENCE_ASSIGN(const auto from,
                    options.base(BaseFolder(store, old.frames))->Open(store::OpenMode::kReadWrite));
    CREDENCE_TRY(from->Snapshot(folder));
  }
  VerifyOptions verify;
  verify.scratch.backing = made;
  verify.scratch.cache_bytes = options.cache_bytes;
  verify.scratch.worker = engine::CheckpointOptions::Worker::kCaller;
  verify.scratch_use = old.frames > 0 ? ScratchUse::kStartAndKeep : ScratchUse::kKeep;
  verify.until_frame = border.head.frames;
  verify.on_progress = options.on_progress;
  CREDENCE_ASSIGN(const VerifyReport verified, Verify(files, store, verify));
  if (verified.mismatches > 0) {
    return DataLoss("what is to be retired does not verify: " + verified.first.front().decision +
                    " " + verified.first.front().what);
  }
  CREDENCE_ASSIGN(const auto written, made->Open(store::OpenMode::kRead));
  const auto position = written->position();
  if (!position || position->seq != border.head.last_seq || position->frame > border.head.frames) {
    return Unavailable("the state at the new front could not be kept");
  }
  CREDENCE_TRY(
      ReplaceFile(files, engine::BasePackPath(store, border.head.frames), verified.pack.view()));
  return files.SyncDirectory(BasesOf(store));
}

// Everything in base/ that is not of the front.
Status DropOldBases(FileSystem& files, const std::string& store, const BackingAt& base,
                    uint64_t frames) {
  if (!files.Exists(BasesOf(store))) return {};
  CREDENCE_ASSIGN(const auto names, files.List(BasesOf(store)));
  for (const std::string& name : names) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || number == frames) continue;
    // The place first: what names it goes last, so that nothing is forgotten.
    CREDENCE_TRY(base(BaseFolder(store, number))->Destroy());
    if (end != name.data() + name.size()) CREDENCE_TRY(files.Remove(BasesOf(store) + "/" + name));
  }
  return files.SyncDirectory(BasesOf(store));
}

uint64_t SegmentsBefore(std::span<const Border> borders, const journal::ChainHead& head) {
  return static_cast<uint64_t>(
      std::count_if(borders.begin(), borders.end(),
                    [&](const Border& border) { return border.head.frames <= head.frames; }));
}

}  // namespace

Result<journal::ChainHead> StartAtRetained(FileSystem& files, const std::string& store,
                                           const BackingAt& base, uint64_t cache_bytes,
                                           engine::Core* core) {
  CREDENCE_ASSIGN(const journal::Retired retired, journal::ReadRetired(files, store + "/journal"));
  const journal::ChainHead& before = retired.before;
  if (before.frames == 0) return before;
  const std::string folder = BaseFolder(store, before.frames);
  if (!base) {
    return Unavailable("frames 1 to " + std::to_string(before.frames) +
                       " of the journal were retired; the state after them is in " + folder);
  }
  engine::CheckpointOptions options;
  options.backing = base(folder);
  options.cache_bytes = cache_bytes;
  std::string damage;
  CREDENCE_ASSIGN(const journal::ChainHead head,
                  core->OpenCheckpoints(options, /*read_only=*/true, &damage));
  // Seals alone may stand between the state and the front: they change nothing.
  if (!damage.empty() || head.last_seq != before.last_seq || head.frames > before.frames ||
      (head.frames == before.frames && head.chain != before.chain)) {
    return DataLoss("the state before the first retained frame, in " + folder +
                    ", is missing, damaged or of another journal; frames 1 to " +
                    std::to_string(before.frames) + " were retired");
  }
  return before;
}

Result<RetireReport> Retire(FileSystem& files, const std::string& store,
                            const RetireOptions& options) {
  const std::string journal = store + "/journal";
  RetireReport report;
  CREDENCE_ASSIGN(const auto lock, files.Lock(journal + "/lock"));
  CREDENCE_ASSIGN(const journal::Retired retired, journal::ReadRetired(files, journal));
  report.before = report.now = retired.before;
  CREDENCE_ASSIGN(const Known known, ReadCheckpoint(files, store, options));
  CREDENCE_ASSIGN(const Contents contents, ReadContents(files, store));
  Chooser chooser(contents, options, known.frame);
  CREDENCE_TRY(chooser.Learn(engine::ArtefactStore(files, store + "/artefacts"), known.pack));
  const Border* border = chooser.Choose(&report.kept_for);
  if (border != nullptr) {
    report.now = border->head;
    report.segments = SegmentsBefore(contents.borders, border->head);
  }
  if (options.look_only) return report;
  if (border != nullptr) {
    CREDENCE_TRY(MakeBase(files, store, options, retired.before, *border));
  }
  CREDENCE_ASSIGN(const journal::Retired done,
                  journal::RetireSegments(files, journal, report.now.frames + 1));
  CREDENCE_ASSERT(done.before == report.now);
  CREDENCE_TRY(DropOldBases(files, store, options.base, report.now.frames));
  return report;
}

}  // namespace credence::study
