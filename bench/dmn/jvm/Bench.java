import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/**
 * java Bench PEER CLASS FOLDER OUT.jsonl [SECONDS] [ROUNDS] [WARM_SECONDS] [ONLY]
 *
 * Runs the cases of FOLDER/cases.tsv in one engine, as bench/dmn/dmn_bench.cc runs them in Credence: inputs are read in
 * blocks before the clock runs, answers become text and a checksum by the rules of bench/dmn/answer.h. Each case is
 * warmed up before its rounds, as JMH does; run.sh starts several machines (forks). Cases that OUT already has
 * are passed over, so that a run that was stopped goes on. BENCH_ANSWERS=1 prints the answers that were checked,
 * BENCH_DEBUG=1 the stack of what an engine throws.
 */
public final class Bench {
  private static final int BLOCK = 1024;
  private static final long LOAD_CAP_SECONDS = 90;
  private static final double CHECK_CAP_SECONDS = 20;

  static volatile Object sink;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  static String number(Number number) {
    BigDecimal d = number instanceof BigDecimal ? (BigDecimal) number : new BigDecimal(number.toString());
    if (d.signum() == 0) return "0";
    return d.round(new MathContext(10, RoundingMode.HALF_UP)).stripTrailingZeros().toPlainString();
  }

  static String answer(Engine engine, Object value) {
    Object plain = engine.plain(value);
    if (plain == null) return "null";
    if (plain instanceof Number) return number((Number) plain);
    if (plain instanceof List) {
      List<?> items = (List<?>) plain;
      List<String> parts = new ArrayList<>();
      for (Object item : items) parts.add(answer(engine, item));
      return items.isEmpty() ? "null" : "[" + String.join(",", parts) + "]";
    }
    if (plain instanceof Map) {
      TreeSet<String> members = new TreeSet<>();
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) plain).entrySet()) {
        members.add(entry.getKey() + ":" + answer(engine, entry.getValue()));
      }
      return "{" + String.join(",", members) + "}";
    }
    return plain.toString();
  }

  private static String join(List<Double> numbers) {
    List<String> parts = new ArrayList<>();
    for (double n : numbers) parts.add(String.format(Locale.ROOT, "%.1f", n));
    return String.join(",", parts);
  }

  public static void main(String[] arguments) throws Exception {
    String peer = arguments[0];
    Path folder = Path.of(arguments[2]);
    Path out = Path.of(arguments[3]);
    double seconds = arguments.length > 4 ? Double.parseDouble(arguments[4]) : 0.3;
    int rounds = arguments.length > 5 ? Integer.parseInt(arguments[5]) : 5;
    double warm = arguments.length > 6 ? Double.parseDouble(arguments[6]) : 3;
    String only = arguments.length > 7 ? arguments[7] : "";
    String known = Files.exists(out) ? Files.readString(out) : "";
    for (String line : Files.readAllLines(folder.resolve("cases.tsv"))) {
      String[] fields = line.split("\t", -1);
      String head = String.format("{\"peer\":\"%s\",\"case\":\"%s\",\"group\":\"%s\",", peer, fields[0], fields[1]);
      if (!fields[0].contains(only) || known.contains(head)) continue;
      Engine engine = (Engine) Class.forName(arguments[1]).getDeclaredConstructor().newInstance();
      try {
        run(engine, fields, folder, out, head, seconds, rounds, warm);
      } catch (Exception | StackOverflowError | OutOfMemoryError | NoClassDefFoundError problem) {
        if (System.getenv("BENCH_DEBUG") != null) problem.printStackTrace();
        String text = problem.toString().split("\n")[0].replaceAll("[^A-Za-z0-9 .,:_()'-]", " ");
        write(out, head + "\"mode\":\"plain\",\"note\":\"" + text.substring(0, Math.min(160, text.length())) + "\"}");
      }
    }
    System.exit(0);
  }

  private static void write(Path out, String line) throws Exception {
    System.err.println(line);
    Files.writeString(out, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static void run(Engine engine, String[] fields, Path folder, Path out, String head, double seconds,
      int rounds, double warm) throws Exception {
    int checked = Integer.parseInt(fields[6]);
    Thread watchdog = new Thread(() -> {
      try {
        Thread.sleep(LOAD_CAP_SECONDS * 1000);
        write(out, head + "\"mode\":\"plain\",\"note\":\"not loaded within " + LOAD_CAP_SECONDS + " s\"}");
        Runtime.getRuntime().halt(3);
      } catch (Exception stopped) {
        // The case was loaded in time.
      }
    });
    watchdog.setDaemon(true);
    watchdog.start();
    engine.load(folder.resolve(fields[2]), Arrays.asList(fields[3].split("\\|")),
        fields[7].equals("-") ? null : fields[7]);
    watchdog.interrupt();
    List<String> lines = Files.readAllLines(folder.resolve(fields[5]));
    boolean[] modes = engine.explains() && !fields[1].equals("expression") ? new boolean[] {false, true} : new boolean[] {false};
    for (boolean explain : modes) {
      String mode = "\"mode\":\"" + (explain ? "explain" : "plain") + "\",";
      long begin = System.nanoTime();
      long state = 0xcbf29ce484222325L;
      int done = 0;
      for (String line : lines.subList(0, Math.min(checked, lines.size()))) {
        List<String> parts = new ArrayList<>();
        for (Object value : engine.evaluate(engine.input(Json.object(line)), explain)) parts.add(answer(engine, value));
        String text = String.join("|", parts) + "\n";
        if (System.getenv("BENCH_ANSWERS") != null) System.err.print(text);
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) state = (state ^ (b & 0xff)) * 0x100000001b3L;
        done++;
        if ((System.nanoTime() - begin) * 1e-9 > CHECK_CAP_SECONDS) break;
      }
      double each = (System.nanoTime() - begin) * 1e-9 / done;
      if (done < Math.min(checked, lines.size())) {
        write(out, head + mode + String.format(Locale.ROOT,
            "\"note\":\"given up: %.2f s an evaluation\"}", each));
        return;
      }
      int block = (int) Math.max(1, Math.min(BLOCK, seconds / each));
      List<Double> cpu = new ArrayList<>();
      List<Double> wall = new ArrayList<>();
      int at = 0;
      for (int round = 0; round <= rounds; ++round) {
        double limit = round == 0 ? warm : seconds;
        long cpuSum = 0;
        long wallSum = 0;
        long count = 0;
        while (wallSum < limit * 1e9) {
          Object[] inputs = new Object[block];
          for (int i = 0; i < block; ++i) inputs[i] = engine.input(Json.object(lines.get((at + i) % lines.size())));
          at = (at + block) % lines.size();
          long wallBegin = System.nanoTime();
          long cpuBegin = THREADS.getCurrentThreadCpuTime();
          for (Object input : inputs) sink = engine.evaluate(input, explain);
          cpuSum += THREADS.getCurrentThreadCpuTime() - cpuBegin;
          wallSum += System.nanoTime() - wallBegin;
          count += block;
        }
        if (round == 0) continue;
        cpu.add((double) cpuSum / count);
        wall.add((double) wallSum / count);
      }
      write(out, head + mode + String.format("\"cpu_ns\":[%s],\"wall_ns\":[%s],\"checksum\":\"%016x\"}", join(cpu), join(wall), state));
    }
  }
}
