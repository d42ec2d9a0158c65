"""The head that predicts box codes and class logits. The extractor's row says which ones it allows."""

from boxwright.catalog.extractors import PREDICTORS, predictor_of
from boxwright.catalog.spec import Spec

SPEC = Spec(choices=tuple(map(predictor_of, PREDICTORS)))
