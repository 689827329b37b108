#include "cli/input/dsn_file.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace relay;
using namespace relay::cli;

namespace {

class TemporaryFile {
  public:
    TemporaryFile(std::string const &content, mode_t mode) {
        ::close(::mkstemp(m_path.data()));
        std::ofstream(m_path) << content;
        ::chmod(m_path.c_str(), mode);
    }
    ~TemporaryFile() { ::unlink(m_path.c_str()); }
    TemporaryFile(TemporaryFile const &) = delete;
    TemporaryFile &operator=(TemporaryFile const &) = delete;
    std::string const &path() const { return m_path; }

  private:
    std::string m_path = "/tmp/relay_dsn_XXXXXX";
};

ErrorKind kind_of(std::string const &content, mode_t mode) {
    TemporaryFile const file(content, mode);
    try {
        read_dsn_file(file.path());
    } catch (Error const &error) {
        CHECK(error.message().find("sek") == std::string::npos);
        return error.kind();
    }
    return ErrorKind::internal;
}

}  // namespace

TEST_CASE("a connection string comes from a file without the blanks around it") {
    CHECK(read_dsn_file(TemporaryFile("\n host=db dbname=relay \n", 0644).path()) == "host=db dbname=relay");
    CHECK(read_dsn_file(TemporaryFile("host=db password=sek", 0600).path()) == "host=db password=sek");
}

TEST_CASE("a connection string with a password is for its owner's eyes") {
    CHECK(kind_of("host=db password=sek", 0640) == ErrorKind::usage);
    CHECK(kind_of("postgresql://ana:sek@db/relay", 0604) == ErrorKind::usage);
    CHECK(kind_of("", 0600) == ErrorKind::usage);
    CHECK(kind_of("sek\xff", 0600) == ErrorKind::usage);
    CHECK(kind_of(std::string("sek\0x", 5), 0600) == ErrorKind::usage);
    CHECK(kind_of(std::string(70'000, 'x'), 0600) == ErrorKind::usage);
    CHECK_THROWS_AS(read_dsn_file("/nonexistent/dsn"), Error);
    CHECK_THROWS_AS(read_dsn_file("/"), Error);
}
