import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A DMN engine under measurement. Values are those of Json, or of the engine itself where answer() knows them. */
interface Engine {
  /** Makes the decisions ready, in the fastest way the engine offers. `feel` is null where there is no bare expression. */
  void load(Path dmn, List<String> decisions, String feel) throws Exception;

  /** What the engine takes for a parsed input; not timed. */
  default Object input(Map<String, Object> json) {
    return json;
  }

  /** The decisions' values, in their order. */
  Object[] evaluate(Object input, boolean explain) throws Exception;

  /** Whether it can tell which rules matched. */
  boolean explains();

  /** A value of the engine as a value of Json (null, Boolean, String, Number, List, Map). */
  default Object plain(Object value) {
    return value;
  }
}
