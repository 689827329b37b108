#include "cli/sink/stream_sink.hpp"

#include "sink_fixture.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

using Kind = StreamSink::Kind;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A test that waits this long has missed its event; even a busy machine is faster.
constexpr StreamPatience long_patience{.room = 60s, .taken = 60s};
constexpr StreamPatience short_patience{.room = 100ms, .taken = 100ms};
constexpr auto too_long = 30s;

/// The whole delivery to a descriptor.
void deliver_to(int fd, Issued const &issued, StreamPatience patience = short_patience) {
    Output output(Globals{});
    StreamSink sink(Kind::inherited, fd, {}, output, patience);
    sink.prepare(issued.for_agent());
    sink.deliver();
}

/// Waits until there is something to read.
void wait_for_input(int fd) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, -1);
}

std::chrono::milliseconds time_of(auto const &work) {
    auto const start = Clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

}  // namespace

TEST_CASE("a pipe gets the key alone, and the commit waits until it is taken") {
    Issued const issued;
    Pipe pipe;
    std::string taken;
    std::thread reader([&] {
        wait_for_input(pipe.reader.get());
        std::this_thread::sleep_for(150ms);
        std::array<char, 256> text{};
        auto const count = ::read(pipe.reader.get(), text.data(), text.size());
        taken.assign(text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    });
    auto const took = time_of([&] { deliver_to(pipe.writer.get(), issued, long_patience); });
    reader.join();
    CHECK(taken == issued.text());
    CHECK(took >= 140ms);
    CHECK(took < too_long);
}

TEST_CASE("a slow reader is not an error") {
    Issued const issued;
    Pipe pipe;
    auto const took = time_of([&] { deliver_to(pipe.writer.get(), issued); });
    CHECK(took >= 100ms);
    CHECK(took < too_long);
    CHECK(drain(pipe.reader.get()) == issued.text());
}

TEST_CASE("a reader that goes away without reading is an error") {
    Issued const issued;
    Pipe pipe;
    std::thread reader([&] {
        wait_for_input(pipe.reader.get());
        pipe.reader.reset();
    });
    auto const error = error_of(ErrorKind::sink, [&] { deliver_to(pipe.writer.get(), issued, long_patience); });
    reader.join();
    CHECK(contains(error.message(), "Broken pipe; nothing was changed"));
}

TEST_CASE("a reader that has read everything and closed is not an error") {
    Issued const issued;
    Pipe pipe;
    std::thread reader([&] {
        std::array<char, 256> text{};
        CHECK(::read(pipe.reader.get(), text.data(), text.size()) > 0);
        pipe.reader.reset();
    });
    deliver_to(pipe.writer.get(), issued, long_patience);
    reader.join();
}

TEST_CASE("a closed pipe is refused before the database is touched") {
    Pipe pipe;
    pipe.reader.reset();
    Output output(Globals{});
    auto const error = error_of(ErrorKind::sink, [&] { StreamSink(Kind::inherited, pipe.writer.get(), {}, output); });
    CHECK(contains(error.message(), "no process reads file descriptor"));
}

TEST_CASE("a full pipe whose reader sleeps does not hold the command forever") {
    Issued const issued;
    Pipe pipe;
    std::array<char, 4096> block{};
    ::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK);
    while (::write(pipe.writer.get(), block.data(), block.size()) > 0) {}
    ::fcntl(pipe.writer.get(), F_SETFL, 0);
    auto const took = time_of([&] {
        auto const error = error_of(ErrorKind::sink, [&] { deliver_to(pipe.writer.get(), issued); });
        CHECK(contains(error.message(), "does not read the secret; nothing was changed"));
    });
    CHECK(took < too_long);
}

TEST_CASE("a socket is waited for as a pipe is") {
    Issued const issued;
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    FileDescriptor const ours(ends[0]);
    FileDescriptor theirs(ends[1]);
    SUBCASE("read at once") {
        std::string taken(ApiKey::length, '\0');
        std::thread reader(
            [&] { CHECK(::recv(theirs.get(), taken.data(), taken.size(), MSG_WAITALL) == ApiKey::length); });
        CHECK(time_of([&] { deliver_to(ours.get(), issued, long_patience); }) < too_long);
        reader.join();
        CHECK(taken == issued.text());
    }
    SUBCASE("not read yet") {
        CHECK(time_of([&] { deliver_to(ours.get(), issued); }) >= 100ms);
    }
    SUBCASE("gone without reading") {
        std::thread reader([&] {
            wait_for_input(theirs.get());
            theirs.reset();
        });
        error_of(ErrorKind::sink, [&] { deliver_to(ours.get(), issued, long_patience); });
        reader.join();
    }
}

TEST_CASE("devices: full is an error, null would lose the key") {
    Issued const issued;
    FileDescriptor const full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    CHECK(contains(error_of(ErrorKind::sink, [&] { deliver_to(full.get(), issued); }).message(),
                   "No space left on device; nothing was changed"));
    FileDescriptor const null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    CHECK(
        contains(error_of(ErrorKind::sink, [&] { deliver_to(null.get(), issued); }).message(), "discards everything"));
}

TEST_CASE("a descriptor that is closed, or open for reading only, is refused") {
    Issued const issued;
    CHECK(contains(error_of(ErrorKind::sink, [&] { deliver_to(987, issued); }).message(), "987 is not open"));
    FileDescriptor const reading(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    CHECK(contains(error_of(ErrorKind::sink, [&] { deliver_to(reading.get(), issued); }).message(),
                   "not open for writing"));
}

TEST_CASE("a regular file is flushed") {
    Issued const issued;
    TemporaryFolder const folder;
    write_file(folder / "out", "");
    FileDescriptor const file(::open((folder / "out").c_str(), O_WRONLY | O_CLOEXEC));
    deliver_to(file.get(), issued);
    CHECK(read_file(folder / "out") == issued.text());
}

TEST_CASE("a terminal gets a labelled line, and the advice to save it only once the key is live") {
    Issued const issued;
    FileDescriptor const master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(master.is_open());
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    FileDescriptor const terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal.is_open());
    std::string heard_before;
    std::string heard;
    {
        Talk talk;
        StreamSink sink(Kind::terminal, terminal.get(), {}, talk.output);
        sink.prepare(issued.for_agent());
        sink.deliver();
        heard_before = talk.heard();
        SUBCASE("committed") {
            sink.committed();
            heard = talk.heard();
            CHECK(heard == "save the API key now: it is not stored and cannot be shown again\n");
        }
        SUBCASE("rolled back") {
            sink.rolled_back();
            heard = talk.heard();
            CHECK(contains(
                heard, "the API key above (key id " + issued.key.id().text() + ") is not active and never will be"));
        }
        SUBCASE("unknown") {
            sink.left_unknown();
            heard = talk.heard();
            CHECK(contains(heard, "may or may not be active"));
        }
    }
    CHECK(heard_before.empty());
    CHECK_FALSE(contains(heard, issued.text()));
    CHECK(drain(master.get()) == "API Key:   " + issued.text() + "\r\n");
}

TEST_CASE("a secret that was never written is not mentioned after a rollback") {
    Issued const issued;
    Pipe pipe;
    Talk talk;
    StreamSink sink(Kind::inherited, pipe.writer.get(), {}, talk.output);
    sink.prepare(issued.for_agent());
    sink.rolled_back();
    CHECK(talk.heard().empty());
}

TEST_CASE("in GitHub Actions the runner gets a command to mask what goes to stdout, and nothing else") {
    Issued const issued;
    EnvironmentGuard const actions("GITHUB_ACTIONS", "true");
    Pipe pipe;
    std::string heard;
    auto kind = Kind::standard_output;
    auto format = SecretFormat::raw;
    std::string expected = "::add-mask::" + issued.text() + "\n";
    SUBCASE("stdout") {}
    SUBCASE("k8s on stdout: its base64 too") {
        format = SecretFormat::k8s;
        expected += "::add-mask::" + std::string(base64_secret(issued.text()).reveal()) + "\n";
    }
    SUBCASE("a descriptor of its own") {
        kind = Kind::inherited;
        expected.clear();
    }
    {
        Talk talk;
        StreamSink sink(kind, pipe.writer.get(), {.format = format}, talk.output, short_patience);
        sink.prepare(issued.for_agent());
        sink.deliver();
        heard = talk.heard();
    }
    CHECK(heard == expected);
}
