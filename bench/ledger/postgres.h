#pragma once
// A PostgreSQL of its own: made in a folder, reached through a socket in that folder alone, stopped
// and removed when this object goes. PostgreSQL refuses to run as root: then its processes run as
// the user `postgres`.

#include <memory>
#include <string>

#include "src/base/status.h"

namespace credence::bench {

class Postgres {
 public:
  // Makes a cluster in `folder` (which is made, and must not exist) and starts it. kUnavailable if
  // there is no PostgreSQL, or no user for it; kInternal with the end of its log if it does not
  // start. `more` are further switches of the server (" -c name=value"); they win over ours.
  static Result<std::unique_ptr<Postgres>> Start(const std::string& folder,
                                                 const std::string& more = "");
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  // Runs a file of SQL.
  [[nodiscard]] Status RunFile(const std::string& path);
  // Runs one command; its output without headings, as `psql -At` prints it.
  Result<std::string> Run(const std::string& sql);

 private:
  explicit Postgres(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
  bool started_ = false;
};

}  // namespace credence::bench
