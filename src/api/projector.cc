#include "src/api/projector.h"

#include "src/engine/artefacts.h"
#include "src/engine/core.h"
#include "src/thread/thread.h"

namespace credence::api {

namespace {

// Live it works so long, and then rests some times as long: whoever answers finds a core soon.
constexpr std::chrono::microseconds kWorks{200};
constexpr int kRests = 3;
// It does not rest when so many frames wait.
constexpr uint64_t kBehindFrames = study::kTailFramesMax;

Result<projection::PackNames> NamesOf(FileSystem& files, const std::string& store,
                                      const Digest& digest) {
  const engine::ArtefactStore artefacts(files, store + "/artefacts");
  CREDENCE_ASSIGN(const auto pack, engine::LoadStoredPack(artefacts, digest));
  projection::PackNames names;
  names.schema = {pack, &pack->schema};
  for (const auto& decision : pack->decisions) names.decisions.push_back(decision.name);
  return names;
}

// The pack that is active where the journal, whose beginning is retired, begins: a decision before
// the first activation names it. Nothing where no decision does.
Result<std::optional<Digest>> FirstPack(study::JournalTail* tail, uint64_t durable) {
  study::TailBatch batch;
  do {
    CREDENCE_TRY(tail->Next(durable, &batch));
    for (const study::TailFrame& frame : batch.frames()) {
      for (const std::string_view bytes : frame.records) {
        const auto kind = static_cast<record::RecordKind>(bytes.empty() ? 0 : bytes[0]);
        if (kind == record::RecordKind::kActivation) return std::optional<Digest>();
        if (kind != record::RecordKind::kDecision) continue;
        CREDENCE_ASSIGN(const auto decision, record::DecodeDecision(bytes));
        return std::optional<Digest>(decision.pack);
      }
    }
  } while (!batch.frames().empty());
  return std::optional<Digest>();
}

}  // namespace

std::string ReadModelPath(const std::string& store) { return store + "/read-model.sqlite"; }

Result<std::unique_ptr<Projector>> Projector::Open(FileSystem& files, const std::string& store,
                                                   uint64_t durable,
                                                   const ProjectorOptions& options) {
  std::unique_ptr<Projector> projector(new Projector(files, store, options));
  CREDENCE_TRY(projector->OpenBoth(durable, options.remake));
  return projector;
}

Projector::~Projector() {
  if (thread_.joinable()) {
    head_->Stop();
    thread_.join();
  }
}

Status Projector::OpenBoth(uint64_t durable, bool remake) {
  const std::string journal = store_ + "/journal";
  projection::Options options;
  CREDENCE_ASSIGN(options.journal_id, study::ReadJournalId(files_, journal));
  CREDENCE_ASSIGN(auto beginning, study::JournalTail::Open(files_, journal, {}, durable));
  if (beginning->retired_frames() > 0) {
    CREDENCE_ASSIGN(options.first_pack, FirstPack(beginning.get(), durable));
  }
  options.names = [this](const Digest& digest) { return NamesOf(files_, store_, digest); };
  options.after_frame = [this] { Rest(); };
  options.remake = remake;
  options.check = options_.check;
  model_.reset();
  CREDENCE_ASSIGN(model_, projection::ReadModel::Open(files_, ReadModelPath(store_), options));
  const projection::Position& position = model_->position();
  auto tail = study::JournalTail::Open(files_, journal, {position.frame, position.chain}, durable);
  // The model is of another history, or its next frame is retired: only a new one fits.
  const StatusCode code = tail.status().code();
  if (!remake && (code == StatusCode::kDataLoss || code == StatusCode::kNotFound)) {
    const std::string why = tail.status().message();
    CREDENCE_TRY(OpenBoth(durable, true));
    const std::lock_guard lock(mutex_);
    remade_ = why;
    return OkStatus();
  }
  CREDENCE_TRY(tail.status());
  tail_ = std::move(*tail);
  const std::lock_guard lock(mutex_);
  remade_ = model_->opened().remade;
  folded_ = {position.last_seq, position.frame};
  return OkStatus();
}

Status Projector::FoldNext(uint64_t durable, bool* more) {
  resumed_ = std::chrono::steady_clock::now();
  // A batch that could not be folded is still there.
  if (batch_.frames().empty()) CREDENCE_TRY(tail_->Next(durable, &batch_));
  *more = !batch_.frames().empty();
  if (!*more) return OkStatus();
  std::vector<projection::Frame> frames;
  frames.reserve(batch_.frames().size());
  for (const study::TailFrame& frame : batch_.frames()) {
    frames.push_back({frame.index, frame.segment, frame.offset, frame.first_seq, frame.last_seq,
                      frame.chain, frame.records});
  }
  CREDENCE_TRY(model_->Fold(frames));
  batch_ = study::TailBatch();
  const projection::Position& position = model_->position();
  {
    const std::lock_guard lock(mutex_);
    folded_ = {position.last_seq, position.frame};
  }
  advanced_.notify_all();
  return OkStatus();
}

Status Projector::CatchUp(uint64_t durable, const std::function<void(uint64_t seq)>& on_progress) {
  for (bool more = true; more;) {
    CREDENCE_TRY(FoldNext(durable, &more));
    if (on_progress) on_progress(model_->position().last_seq.value());
  }
  return OkStatus();
}

void Projector::Start(study::DurableHead* head) {
  head_ = head;
  thread_ = std::thread([this] { Loop(); });
}

void Projector::Loop() {
  thread::Begin("projector", thread::Urgency::kBackground);
  bool remade = false;
  for (;;) {
    const uint64_t durable = head_->WaitBeyond(folded().frame);
    if (durable == 0) return;
    bool more = false;
    const Status folded = FoldNext(durable, &more);
    Note(folded);
    if (folded.code() == StatusCode::kDataLoss) {
      // The file is damaged, or else the journal: then a new file ends in the same place.
      if (remade) return;
      remade = true;
      batch_ = study::TailBatch();
      const Status opened = OpenBoth(durable, true);
      if (!opened.ok()) return Note(opened);
      const std::lock_guard lock(mutex_);
      remade_ = folded.message();
    } else if (!folded.ok()) {
      if (head_->StoppedWithin(options_.retry)) return;
    } else if (head_->StoppedWithin(this->folded().frame < durable ? std::chrono::milliseconds(0)
                                                                   : options_.interval)) {
      return;
    }
  }
}

void Projector::Rest() {
  if (head_ == nullptr || awaited_ > 0) return;
  const auto worked = std::chrono::steady_clock::now() - resumed_;
  if (worked < kWorks) return;
  if (head_->frames() <= folded().frame + kBehindFrames) {
    head_->StoppedWithin(std::chrono::duration_cast<std::chrono::microseconds>(kRests * worked));
  }
  resumed_ = std::chrono::steady_clock::now();
}

Status Projector::Finish() {
  if (thread_.joinable()) thread_.join();
  // What failed last may go now; and what is left would only come at the next start.
  if (head_ != nullptr && status().code() != StatusCode::kDataLoss) Note(CatchUp(head_->frames()));
  const Status followed = status();
  const Status closed = model_->Close();
  return followed.ok() ? closed : followed;
}

void Projector::Note(const Status& status) {
  const std::lock_guard lock(mutex_);
  status_ = status;
}

projection::AsOf Projector::folded() const {
  const std::lock_guard lock(mutex_);
  return folded_;
}

bool Projector::WaitFor(Seq seq, std::chrono::milliseconds time) {
  ++awaited_;
  std::unique_lock lock(mutex_);
  const bool folded = advanced_.wait_for(lock, time, [&] { return folded_.seq >= seq; });
  --awaited_;
  return folded;
}

Status Projector::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::string Projector::remade() const {
  const std::lock_guard lock(mutex_);
  return remade_;
}

}  // namespace credence::api
