import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.camunda.dmn.Audit;
import org.camunda.dmn.DmnEngine;
import org.camunda.dmn.parser.ParsedDmn;
import org.camunda.feel.api.EvaluationResult;
import org.camunda.feel.api.FeelEngineApi;
import org.camunda.feel.api.FeelEngineBuilder;
import org.camunda.feel.api.ParseResult;
import org.camunda.feel.syntaxtree.ParsedExpression;
import scala.jdk.javaapi.CollectionConverters;
import scala.util.Either;

/** Camunda: feel-scala for bare expressions, dmn-scala around it for models; explain = a listener of its audit log. */
public final class CamundaEngine implements Engine {
  private DmnEngine plain;
  private DmnEngine explained;
  private ParsedDmn model;
  private String[] decisions;
  private FeelEngineApi feelEngine;
  private ParsedExpression expression;
  private Object lastLog;

  @Override
  public void load(Path dmn, List<String> names, String feel) throws Exception {
    decisions = names.toArray(new String[0]);
    if (feel != null) {
      feelEngine = FeelEngineBuilder.forJava().build();
      ParseResult parsed = feelEngine.parseExpression(feel);
      if (parsed.isFailure()) throw new IllegalArgumentException(parsed.failure().message());
      expression = parsed.parsedExpression();
      return;
    }
    plain = new DmnEngine.Builder().build();
    explained = new DmnEngine.Builder().addAuditListener(new Audit.AuditLogListener() {
      @Override
      public void onEval(Audit.AuditLog log) {
        lastLog = log;
      }

      @Override
      public void onFailure(Audit.AuditLog log) {
        lastLog = log;
      }
    }).build();
    try (InputStream in = Files.newInputStream(dmn)) {
      Either<DmnEngine.Failure, ParsedDmn> parsed = plain.parse(in);
      if (parsed.isLeft()) throw new IllegalArgumentException(parsed.left().toOption().get().message());
      model = parsed.toOption().get();
    }
  }

  @Override
  public Object[] evaluate(Object input, boolean explain) {
    @SuppressWarnings("unchecked")
    Map<String, Object> values = (Map<String, Object>) input;
    if (expression != null) {
      EvaluationResult result = feelEngine.evaluate(expression, values);
      return new Object[] {result.isSuccess() ? result.result() : null};
    }
    Object[] answers = new Object[decisions.length];
    for (int i = 0; i < answers.length; ++i) {
      Either<DmnEngine.EvalFailure, DmnEngine.EvalResult> result =
          (explain ? explained : plain).evalByName(model, decisions[i], values);
      DmnEngine.EvalResult right = result.isRight() ? result.toOption().get() : null;
      answers[i] = right == null || right.isNil() ? null : ((DmnEngine.Result) right).value();
    }
    return answers;
  }

  @Override
  public boolean explains() {
    return true;
  }

  @Override
  public Object plain(Object value) {
    if (value instanceof scala.collection.Map) return CollectionConverters.asJava((scala.collection.Map<?, ?>) value);
    if (value instanceof scala.collection.Seq) return CollectionConverters.asJava((scala.collection.Seq<?>) value);
    if (value instanceof scala.math.BigDecimal) return ((scala.math.BigDecimal) value).bigDecimal();
    return value;
  }
}
