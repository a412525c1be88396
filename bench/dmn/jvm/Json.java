import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the JSON of the input files: numbers as BigDecimal, objects as LinkedHashMap. */
final class Json {
  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> object(String text) {
    return (Map<String, Object>) new Json(text).value();
  }

  private Object value() {
    switch (text.charAt(at)) {
      case '{': {
        Map<String, Object> members = new LinkedHashMap<>();
        for (at++; text.charAt(at) != '}'; ) {
          if (text.charAt(at) == ',') at++;
          String name = string();
          at++; // ':'
          members.put(name, value());
        }
        at++;
        return members;
      }
      case '[': {
        List<Object> items = new ArrayList<>();
        for (at++; text.charAt(at) != ']'; ) {
          if (text.charAt(at) == ',') at++;
          items.add(value());
        }
        at++;
        return items;
      }
      case '"':
        return string();
      case 't':
        at += 4;
        return Boolean.TRUE;
      case 'f':
        at += 5;
        return Boolean.FALSE;
      default: {
        int end = at;
        while ("+-.0123456789eE".indexOf(text.charAt(end)) >= 0) end++;
        BigDecimal number = new BigDecimal(text.substring(at, end));
        at = end;
        return number;
      }
    }
  }

  /** The input files have no escapes. */
  private String string() {
    int end = text.indexOf('"', at + 1);
    String result = text.substring(at + 1, end);
    at = end + 1;
    return result;
  }
}
