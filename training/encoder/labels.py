"""The labels of every head, in the order of the model's outputs."""

from __future__ import annotations

INJECTION = ("injection", "indirect_injection")
"""An attack among the words of a user, and one in a document or a tool's result, where no instruction belongs."""

TOXICITY = (
    "toxicity",
    "severe_toxicity",
    "obscene",
    "threat",
    "insult",
    "identity_attack",
    "sexual_explicit",
    "self_harm",
    "violence",
)

TOPICS = (
    "arts_culture",
    "banking",
    "business",
    "coding",
    "crime",
    "drugs",
    "education",
    "entertainment",
    "environment",
    "fashion_beauty",
    "food_cooking",
    "fraud_crime",
    "gambling",
    "general_knowledge",
    "hacking_cybercrime",
    "hate_harassment",
    "home_garden",
    "identity_social_issues",
    "legal",
    "math",
    "media_journalism",
    "medical",
    "mental_health",
    "misinformation",
    "music_media",
    "parenting_family",
    "personal_finance",
    "politics",
    "privacy_personal_data",
    "productivity",
    "relationships",
    "religion",
    "science",
    "self_harm",
    "sexual_content",
    "shopping",
    "small_talk",
    "smart_home",
    "social_media",
    "sports",
    "technology",
    "transport_cars",
    "travel",
    "violence",
    "weapons",
    "weather",
    "wellness",
    "work_hr",
    "world_affairs",
)

ENTITIES = ("PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME", "ADDRESS")
TAGS = ("O", *(f"{part}-{entity}" for entity in ENTITIES for part in ("B", "I")))

CASINGS = ("special", "lower", "upper", "title", "mixed", "digit", "other")
